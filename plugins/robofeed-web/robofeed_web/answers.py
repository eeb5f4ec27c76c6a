"""What a browser sends when a person has said something, and the record it becomes.

A browser speaks of clips by the place they had on its screen, so that nothing on the page tells
which clip is which. Who says it comes from the session, never from the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from robofeed import DataError
from robofeed.data import consent
from robofeed.data.feedback import (
    Consent,
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
from robofeed_web.refusal import Refusal

SOURCE = "web"
_Millis = Annotated[int, Field(ge=0, le=2**53)]
_Id = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]


class _Said(BaseModel):
    """`uuid` is made by the browser, times by its clock, in ms since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    uuid: Annotated[UUID, Field(strict=False)]
    shown_at_ms: _Millis = 0
    answered_at_ms: _Millis = 0


class RankingSaid(_Said):
    """Places on the screen from best to worst; places in one group are tied."""

    kind: Literal["ranking"]
    query: _Id
    places: Annotated[list[list[int]], Field(max_length=5)]


class SkipSaid(_Said):
    """Can't tell."""

    kind: Literal["skip"]
    query: _Id


class RatingSaid(_Said):
    """1 to 5 for the clip at a place of a query."""

    kind: Literal["rating"]
    query: _Id
    place: int
    stars: Annotated[int, Field(ge=1, le=5)]


class OutcomeSaid(_Said):
    """Whether an episode succeeded."""

    kind: Literal["outcome"]
    episode: _Id
    success: bool


class RemarkSaid(_Said):
    """A note in words."""

    kind: Literal["remark"]
    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    about: Annotated[str, Field(max_length=100)] = ""


class RetractionSaid(_Said):
    """Undo."""

    kind: Literal["retraction"]
    retracts: Annotated[UUID, Field(strict=False)]


class ConsentSaid(_Said):
    """Agreed to the text of this version."""

    kind: Literal["consent"]
    version: str


Said = Annotated[
    RankingSaid | SkipSaid | RatingSaid | OutcomeSaid | RemarkSaid | RetractionSaid | ConsentSaid,
    Field(discriminator="kind"),
]
_SAID: TypeAdapter[Said] = TypeAdapter(Said)


def read_said(body: bytes) -> Said:
    """Parse the body of a request.

    Raises:
        Refusal: it is no answer; the message says what is wrong with it.
    """
    try:
        return _SAID.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refusal(422, "malformed", f"not an answer: {where}: {first['msg']}") from error


def record_of(said: Said, person: str, query: Callable[[str], Query]) -> Feedback:
    """The record to store; `query` finds a question by its id or raises `Refusal`.

    Raises:
        Refusal: an unknown question, or a ranking that does not name each clip once.
    """
    try:
        return _record(said, person, query)
    except DataError as error:
        raise Refusal(422, "malformed", str(error)) from error


def _record(said: Said, person: str, query: Callable[[str], Query]) -> Feedback:
    match said:
        case RankingSaid():
            asked = query(said.query)
            order = tuple(
                tuple(_clip_at(asked, place) for place in places) for places in said.places
            )
            ranking = Ranking(_stamp(said, person, asked), asked.id, order)
            if sum(map(len, order)) != len(asked.segments):
                raise DataError(
                    f"ranking of query {asked.id}: {len(asked.segments)} clips were shown, "
                    f"{sum(map(len, order))} are ranked"
                )
            return ranking
        case SkipSaid():
            asked = query(said.query)
            return Skip(_stamp(said, person, asked), asked.id)
        case RatingSaid():
            asked = query(said.query)
            segment = asked.segments[_clip_at(asked, said.place)]
            return Rating(_stamp(said, person, asked), segment, said.stars)
        case OutcomeSaid():
            return Outcome(_stamp(said, person), said.episode, said.success)
        case RemarkSaid():
            return Remark(_stamp(said, person), said.text, said.about)
        case RetractionSaid():
            return Retraction(_stamp(said, person), str(said.retracts))
        case ConsentSaid():
            if said.version != consent.VERSION:
                raise DataError(f"the consent text is version {consent.VERSION}: load the page")
            return Consent(_stamp(said, person), consent.VERSION, consent.TEXT)


def _clip_at(query: Query, place: int) -> int:
    if not 0 <= place < len(query.shown_order):
        raise DataError(f"query {query.id} shows {len(query.shown_order)} clips, none at {place}")
    return query.shown_order[place]


def _stamp(said: _Said, person: str, query: Query | None = None) -> Stamp:
    return Stamp(
        uuid=str(said.uuid),
        person=person,
        source=SOURCE,
        shown_at_ns=said.shown_at_ms * 1_000_000,
        answered_at_ns=said.answered_at_ms * 1_000_000,
        shown_order=() if query is None else query.shown_order,
    )
