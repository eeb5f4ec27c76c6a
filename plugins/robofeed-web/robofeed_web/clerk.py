"""Who serves those that answer: one thread, several browsers at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from robofeed.data.errors import DataError
from robofeed.data.people import Person, Role
from robofeed_web.answers import Said, read_said
from robofeed_web.members import Members
from robofeed_web.office import Office, Taken
from robofeed_web.refusal import Refusal
from robofeed_web.turnstile import Turnstile

Cookies = Mapping[str, str]
Request = TypeVar("Request")
Outcome = TypeVar("Outcome")


class _Wanted(BaseModel):
    """How many questions a page asks for."""

    model_config = ConfigDict(extra="forbid")

    count: int


class Clerk:
    """Takes answers in and gives questions out, for the event loop. Close it at the end.

    Args:
        office: Does it.
        members: Says who sends a request, by the cookie of the name `cookie`.
    """

    def __init__(self, office: Office, members: Members, cookie: str) -> None:
        self._office, self._members, self._cookie = office, members, cookie
        self._thread = ThreadPoolExecutor(1, "clerk")
        self._answers = Turnstile(self._take_all, self._thread)
        self._wishes = Turnstile(self._lend_all, self._thread)

    def close(self) -> None:
        """End the thread, what it is at first. Idempotent."""
        self._thread.shutdown()

    async def take(self, cookies: Cookies, body: bytes) -> Taken:
        """Store what a browser sent, durably.

        Raises:
            Refusal, DataError: as `Office.take_all` says, or it is no answer.
        """
        return await self._answers((cookies, body))

    async def lend(self, cookies: Cookies, body: bytes) -> list[dict[str, Any]]:
        """Open questions for a browser, JSON-ready.

        Raises:
            Refusal: nobody's cookies, a role that may not answer, or a malformed request.
            DataError: the ledger cannot be asked now.
        """
        return await self._wishes((cookies, body))

    def _take_all(self, sent: Sequence[tuple[Cookies, bytes]]) -> list[Taken | Exception]:
        def read(cookies: Cookies, body: bytes) -> tuple[Said, Person]:
            person = self._person(cookies)
            return read_said(body), person

        return _serve(sent, read, self._office.take_all)

    def _lend_all(
        self, sent: Sequence[tuple[Cookies, bytes]]
    ) -> list[list[dict[str, Any]] | Exception]:
        def read(cookies: Cookies, body: bytes) -> tuple[Person, int]:
            person = self._person(cookies)
            return person, _read_count(body)

        def lend(wishes: Sequence[tuple[Person, int]]) -> list[list[dict[str, Any]] | Exception]:
            lent = self._office.questions(wishes)
            return [[self._office.as_json(query) for query in queries] for queries in lent]

        return _serve(sent, read, lend)

    def _person(self, cookies: Cookies) -> Person:
        return self._members.allowed(cookies.get(self._cookie, ""), Role.LABEL)


def _serve(
    sent: Sequence[tuple[Cookies, bytes]],
    read: Callable[[Cookies, bytes], Request],
    serve: Callable[[Sequence[Request]], Sequence[Outcome | Exception]],
) -> list[Outcome | Exception]:
    """Serve those requests that can be read; in place of the others stands why not."""
    outcomes: dict[int, Outcome | Exception] = {}
    requests: dict[int, Request] = {}
    for number, (cookies, body) in enumerate(sent):
        try:
            requests[number] = read(cookies, body)
        except (Refusal, DataError) as error:
            outcomes[number] = error
    if requests:
        outcomes |= zip(requests, serve(list(requests.values())), strict=True)
    return [outcomes[number] for number in range(len(sent))]


def _read_count(body: bytes) -> int:
    try:
        return _Wanted.model_validate_json(body).count
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refusal(422, "malformed", f"not a request: {where}: {first['msg']}") from error
