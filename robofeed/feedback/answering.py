"""How a person's answer is put together: the rules that every front end shares. Pure.

Positions count from 0 from the left of the screen; `Query.shown_order` says which segment stands
where. Front ends turn keys or clicks into the calls here and store what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from robofeed.data.errors import DataError
from robofeed.data.feedback import (
    Feedback,
    Outcome,
    Query,
    Ranking,
    Rating,
    Remark,
    Retraction,
    Skip,
    Stamp,
)

Groups = tuple[tuple[int, ...], ...]
"""Positions from best to worst; those in one group are tied."""
_JOIN = -1


@dataclass(frozen=True, slots=True)
class Draft:
    """A ranking of `clips` clips while it is put together, best first.

    `place` the best, then the next best, and so on; `tie` puts the next one beside the last. With
    nothing placed, `tie` says that all are equal. It is finished when one clip is left over and
    not about to be tied (it is the worst), or by `rest`, which ties all that are left.
    """

    clips: int
    steps: tuple[int, ...] = ()
    """what was pressed: positions, and -1 for a tie"""
    closed: bool = False

    @property
    def placed(self) -> tuple[int, ...]:
        """Positions that have a place already."""
        return tuple(step for step in self.steps if step != _JOIN)

    @property
    def joining(self) -> bool:
        """Whether the next clip is tied with the last one."""
        return self.steps[-1:] == (_JOIN,)

    @property
    def groups(self) -> Groups:
        """What is placed so far."""
        groups: list[tuple[int, ...]] = []
        joins = False
        for step in self.steps:
            if step == _JOIN:
                joins = True
            elif joins:
                groups[-1] = (*groups[-1], step)
                joins = False
            else:
                groups.append((step,))
        return tuple(groups)

    @property
    def finished(self) -> Groups | None:
        """The whole ranking, None while it is not."""
        left = [position for position in range(self.clips) if position not in self.placed]
        if not left:
            return self.groups
        if self.closed:
            if self.joining:
                *before, last = self.groups
                return (*before, (*last, *left))
            return (*self.groups, tuple(left))
        if len(left) == 1 and not self.joining:
            return (*self.groups, tuple(left))
        return None

    def place(self, position: int) -> Draft:
        """Give `position` the next place. One that has a place, or does not exist, is no change."""
        if self.finished or position in self.placed or not 0 <= position < self.clips:
            return self
        return replace(self, steps=(*self.steps, position))

    def tie(self) -> Draft:
        """Tie the next clip with the last one placed; all are equal where none is."""
        if self.finished or self.joining:
            return self
        if not self.steps:
            return replace(self, closed=True)
        return replace(self, steps=(*self.steps, _JOIN))

    def rest(self) -> Draft:
        """Tie all that are left, as the worst. No change where none is placed yet."""
        return replace(self, closed=True) if self.steps else self

    def back(self) -> Draft:
        """Undo the last step."""
        return replace(self, steps=self.steps[:-1], closed=False)


def ranking_order(groups: Groups, shown_order: Sequence[int]) -> Groups:
    """The order of segments (`Ranking.order`) for groups of positions on the screen.

    Raises:
        DataError: groups that do not name each position exactly once.
    """
    if sorted(position for group in groups for position in group) != list(range(len(shown_order))):
        raise DataError(
            f"{groups} must name each of {len(shown_order)} clips on the screen exactly once"
        )
    return tuple(tuple(sorted(shown_order[position] for position in group)) for group in groups)


class Respondent:
    """Makes the records of what one person says in one sitting, and remembers what to undo.

    A record counts as said only after `stored` was called with it, once the ledger has it.

    Args:
        person: A pseudonym, from the server side.
        source: The front end.
        new_uuid: Makes a UUID; given, so that tests can repeat themselves.
        now_ns: Wall clock, in ns since 1970.
    """

    def __init__(
        self, person: str, source: str, new_uuid: Callable[[], str], now_ns: Callable[[], int]
    ) -> None:
        self._person, self._source = person, source
        self._new_uuid, self._now_ns = new_uuid, now_ns
        self._said: list[Feedback] = []

    @property
    def last(self) -> Feedback | None:
        """What `undo` would take back."""
        return self._said[-1] if self._said else None

    def ranking(self, query: Query, groups: Groups, shown_at_ns: int) -> Ranking:
        """An order, in positions on the screen. Raises DataError as `ranking_order` does."""
        order = ranking_order(groups, query.shown_order)
        return Ranking(self._stamp(shown_at_ns, query.shown_order), query.id, order)

    def skip(self, query: Query, shown_at_ns: int) -> Skip:
        """Can't tell: kept apart from a tie."""
        return Skip(self._stamp(shown_at_ns, query.shown_order), query.id)

    def rating(self, query: Query, position: int, stars: int, shown_at_ns: int) -> Rating:
        """1 (worst) to 5 (best) for the clip at a position."""
        segment = query.segments[query.shown_order[position]]
        return Rating(self._stamp(shown_at_ns, query.shown_order), segment, stars)

    def outcome(self, query: Query, position: int, success: bool, shown_at_ns: int) -> Outcome:
        """Whether the episode that the clip at a position is from was a success."""
        segment = query.segments[query.shown_order[position]]
        stamp = self._stamp(shown_at_ns, query.shown_order)
        return Outcome(stamp, segment.episode_id, success)

    def remark(self, query: Query, text: str, shown_at_ns: int) -> Remark:
        """A note in words about a question."""
        return Remark(self._stamp(shown_at_ns, query.shown_order), text, query.id)

    def undo(self) -> Retraction | None:
        """Take back the last thing said; None where nothing is left to take back."""
        if not self._said:
            return None
        return Retraction(self._stamp(0, ()), self._said[-1].stamp.uuid)

    def stored(self, record: Feedback) -> None:
        """The ledger has acknowledged `record`: only now it counts as said, or as taken back."""
        if isinstance(record, Retraction):
            self._said = [each for each in self._said if each.stamp.uuid != record.retracts]
        else:
            self._said.append(record)

    def _stamp(self, shown_at_ns: int, shown_order: tuple[int, ...]) -> Stamp:
        return Stamp(
            self._new_uuid(), self._person, self._source, shown_at_ns, self._now_ns(), shown_order
        )
