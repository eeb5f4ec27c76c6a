"""The rule of live operation: the policy moves the arm only while somebody holds the controls."""

from __future__ import annotations

from robofeed.data.intervention import Driver, Intervention, Pause, StopRequest
from robofeed.data.observation import Observation
from robofeed.data.spec import FloatArray
from robofeed.interfaces import Corrector


class Watched:
    """A `Corrector` to whom nobody's silence means pause.

    When whoever holds the controls leaves, says nothing for 250 ms or loses the connection, the arm
    is paused, and whoever comes next has to let it go on, by *resume* or a move.
    """

    def __init__(self, people: Corrector) -> None:
        self._people = people

    @property
    def driver(self) -> Driver | None:
        """Who holds the controls."""
        return self._people.driver

    def poll(self, observation: Observation, proposed: FloatArray) -> Intervention:
        """What the person says; a pause where nobody is there to say anything."""
        said = self._people.poll(observation, proposed)
        someone = self._people.driver is not None
        return said if someone or isinstance(said, StopRequest) else Pause()
