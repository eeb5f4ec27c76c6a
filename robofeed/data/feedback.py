"""What people say, as raw facts: a tagged union of small records. The learner interprets them."""

from __future__ import annotations

import enum
import uuid as uuid_module
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from robofeed.data.episode import Segment
from robofeed.data.errors import DataError

REPEAT = "repeat"
"""Reason of a query that was put before: it shows how consistent a person is."""


@enum.unique
class Kind(enum.StrEnum):
    """The tag under which each record is stored."""

    RANKING = "ranking"
    SKIP = "skip"
    RATING = "rating"
    CORRECTION = "correction"
    DEMONSTRATION = "demonstration"
    OUTCOME = "outcome"
    STOP = "stop"
    REMARK = "remark"
    RETRACTION = "retraction"
    CONSENT = "consent"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Query:
    """A question about 2 to 5 segments.

    `shown_order` says which segment stood first, second, ... on the screen. `reason` names the
    selection that chose it (uniform, disagreement, repeat, ...).
    """

    id: str
    segments: tuple[Segment, ...]
    shown_order: tuple[int, ...]
    reason: str = "uniform"

    def __post_init__(self) -> None:
        if sorted(self.shown_order) != list(range(len(self.segments))):
            raise DataError(f"query {self.id}: order {self.shown_order} is not a permutation")


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who said it, when, from where. `uuid` is made by the client.

    `person` is a pseudonym from the server side. Times are wall clock, in ns since 1970.
    """

    uuid: str
    person: str
    source: str
    shown_at_ns: int = 0
    answered_at_ns: int = 0
    shown_order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        try:
            uuid_module.UUID(self.uuid)
        except ValueError:
            raise DataError(f"feedback uuid {self.uuid!r} is not a UUID") from None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Segments of a query from best to worst; segments in one group are tied.

    `order=((1,), (0,))` prefers segment 1; `((0, 1),)` calls them equal.
    """

    kind: ClassVar[Kind] = Kind.RANKING
    stamp: Stamp
    query_id: str
    order: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        flat = sorted(index for group in self.order for index in group)
        if flat != list(range(len(flat))) or len(flat) < 2 or not all(self.order):
            raise DataError(
                f"ranking of query {self.query_id}: {self.order} must name each clip exactly once"
            )

    @property
    def answers(self) -> int:
        """How many answers it counts for: a ranking of K clips counts K - 1."""
        return sum(len(group) for group in self.order) - 1


@dataclass(frozen=True, slots=True)
class Skip:
    """Can't tell. Never the same as a tie; counts as one answer."""

    kind: ClassVar[Kind] = Kind.SKIP
    stamp: Stamp
    query_id: str


@dataclass(frozen=True, slots=True)
class Rating:
    """1 (worst) to 5 (best) for one segment."""

    kind: ClassVar[Kind] = Kind.RATING
    stamp: Stamp
    segment: Segment
    stars: int

    def __post_init__(self) -> None:
        if not 1 <= self.stars <= 5:
            raise DataError(f"a rating is 1 to 5, not {self.stars}")


@dataclass(frozen=True, slots=True)
class Correction:
    """Steps of an episode in which a person steered; the actions are in the episode itself."""

    kind: ClassVar[Kind] = Kind.CORRECTION
    stamp: Stamp
    segment: Segment


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A whole episode given as an example."""

    kind: ClassVar[Kind] = Kind.DEMONSTRATION
    stamp: Stamp
    episode_id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Success or failure of an episode, in a person's judgement."""

    kind: ClassVar[Kind] = Kind.OUTCOME
    stamp: Stamp
    episode_id: str
    success: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """A person stopped the arm."""

    kind: ClassVar[Kind] = Kind.STOP
    stamp: Stamp
    episode_id: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Words, about a query or an episode or nothing in particular."""

    kind: ClassVar[Kind] = Kind.REMARK
    stamp: Stamp
    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Retraction:
    """Takes an earlier record back (undo); the record itself stays in the ledger."""

    kind: ClassVar[Kind] = Kind.RETRACTION
    stamp: Stamp
    retracts: str


@dataclass(frozen=True, slots=True)
class Consent:
    """The version of the consent text a person agreed to."""

    kind: ClassVar[Kind] = Kind.CONSENT
    stamp: Stamp
    version: str
    text: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Nothing: it stands where a record was whose person asked to be forgotten."""

    kind: ClassVar[Kind] = Kind.FORGOTTEN
    stamp: Stamp


Feedback = (
    Ranking
    | Skip
    | Rating
    | Correction
    | Demonstration
    | Outcome
    | Stop
    | Remark
    | Retraction
    | Consent
    | Forgotten
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The ledger's acknowledgement: the record is durably stored under `sequence`."""

    uuid: str
    sequence: int


def taken_back(records: Iterable[Feedback]) -> set[str]:
    """Uuids that the retractions among `records`, in commit order, took back.

    The last word counts: a retraction that was itself taken back takes nothing back.
    """
    retractions = [record for record in records if isinstance(record, Retraction)]
    void: set[str] = set()
    for retraction in reversed(retractions):
        if retraction.stamp.uuid not in void:
            void.add(retraction.retracts)
    return void


_TYPES: Mapping[Kind, type[Any]] = {
    kind.kind: kind
    for kind in (
        Ranking,
        Skip,
        Rating,
        Correction,
        Demonstration,
        Outcome,
        Stop,
        Remark,
        Retraction,
        Consent,
        Forgotten,
    )
}


def to_payload(feedback: Feedback) -> dict[str, Any]:
    """Return `feedback` as JSON-ready values, stamp included, tagged with its kind."""
    return {"kind": str(feedback.kind), **asdict(feedback)}


def from_payload(payload: Mapping[str, Any]) -> Feedback:
    """Rebuild what `to_payload` wrote.

    Raises:
        DataError: an unknown kind, or fields missing, unknown or out of range.
    """
    fields = dict(payload)
    try:
        made_type = _TYPES[Kind(fields.pop("kind"))]
        stamp = fields.pop("stamp")
        fields["stamp"] = Stamp(**{**stamp, "shown_order": tuple(stamp.get("shown_order", ()))})
        if "order" in fields:
            fields["order"] = tuple(tuple(group) for group in fields["order"])
        if "segment" in fields:
            fields["segment"] = Segment(**fields["segment"])
        feedback: Feedback = made_type(**fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"not a feedback record: {error}") from error
    return feedback
