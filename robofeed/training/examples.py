"""What people did in a folder of `robofeed record` or `robofeed live`, for other runs to learn."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robofeed.data.episode import Segment
from robofeed.data.errors import DataError
from robofeed.data.feedback import Correction, Demonstration
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import RunFolder

CORRECTIONS, DEMONSTRATIONS = "corrections", "demonstrations"
"""`records` in run.json: what in a folder is an example. A failed attempt at a demonstration was
steered as well, and is none."""
NAMESPACE = uuid.UUID("3b0f6b3e-2f4f-5c4b-8a11-2f1f0f6f4a7d")


@dataclass(frozen=True, slots=True)
class Example:
    """An episode with steps that are worth imitating, and the records that say so."""

    episode_id: str
    said: tuple[Demonstration | Correction, ...]

    def steps(self, length: int) -> NDArray[np.bool_]:
        """Which of the episode's steps [length]: those a person steered, or all of them."""
        chosen = np.zeros(length, np.bool_)
        for each in self.said:
            if isinstance(each, Correction):
                chosen[each.segment.start : each.segment.stop] = True
            else:
                chosen[:] = True
        return chosen

    def retold(self, run: str, episode_id: str) -> list[Demonstration | Correction]:
        """The records in the words of whoever gave them, of that run's copy of the episode."""
        told: list[Demonstration | Correction] = []
        for each in self.said:
            name = f"{run}/{episode_id}"
            if isinstance(each, Correction):
                name += f"/{each.segment.start}"
            stamp = replace(each.stamp, uuid=str(uuid.uuid5(NAMESPACE, name)))
            if isinstance(each, Correction):
                segment = Segment(episode_id, each.segment.start, each.segment.stop)
                told.append(Correction(stamp, segment))
            else:
                told.append(Demonstration(stamp, episode_id))
        return told


def examples_in(folder: RunFolder) -> list[Example]:
    """The examples of a folder, in the order in which they were given.

    Raises:
        DataError: there are none.
    """
    steered = folder.about().get("records") == CORRECTIONS
    found: dict[str, list[Demonstration | Correction]] = {}
    with contextlib.closing(Ledger.open(folder.ledger)) as ledger:
        for entry in ledger.standing():
            said = entry.feedback
            if steered and isinstance(said, Correction):
                found.setdefault(said.segment.episode_id, []).append(said)
            elif not steered and isinstance(said, Demonstration):
                found.setdefault(said.episode_id, []).append(said)
    if not found:
        raise DataError(
            f"prior.folder: {folder.path} holds no {CORRECTIONS if steered else DEMONSTRATIONS}; "
            "`robofeed record` makes demonstrations, `robofeed live` corrections"
        )
    return [Example(episode_id, tuple(said)) for episode_id, said in found.items()]
