"""Who stands behind a token or a browser session, and what their role lets them do."""

from __future__ import annotations

import threading
import time

from robofeed.data.people import OPERATOR, People, Person, Role
from robofeed_web.refusal import Refusal
from robofeed_web.sessions import SessionBook

_ASKED_AGAIN_S = 1.0
"""For so long a role that was looked up is believed."""


class Members:
    """People of a run as the server knows them. Any thread may use it."""

    def __init__(self, people: People, sessions: SessionBook) -> None:
        self._people, self._sessions = people, sessions
        link = people.operator_link()
        self.operator_token = link.token
        """opens the page to whoever started the server"""
        self._operator = link.person
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Person | None]] = {}

    def enter(self, token: str) -> str:
        """Exchange the token of a link for the secret of a session.

        Raises:
            Refusal: nobody's token.
        """
        person = self._people.by_token(token)
        if person is None:
            raise Refusal(
                401,
                "token",
                "this link is not valid, or no longer: ask for a new one, or see "
                "what the server printed when it started",
            )
        return self._sessions.begin(person.pseudonym)

    def person(self, secret: str) -> Person:
        """Whose session this is.

        Raises:
            Refusal: nobody's, or of a person who was removed.
        """
        pseudonym = self._sessions.person(secret) if secret else None
        person = self._look_up(pseudonym) if pseudonym is not None else None
        if person is None:
            raise Refusal(401, "session", "you are not known here: open your link again")
        return person

    def allowed(self, secret: str, needed: Role) -> Person:
        """Whose session this is, if their role is enough.

        Raises:
            Refusal: it is not, or it is nobody's.
        """
        person = self.person(secret)
        if not person.role.may(needed):
            raise Refusal(403, "role", f"this needs the role {needed}, and yours is {person.role}")
        return person

    def _look_up(self, pseudonym: str) -> Person | None:
        if pseudonym == OPERATOR:
            return self._operator
        now_s = time.monotonic()
        with self._lock:
            asked_s, person = self._known.get(pseudonym, (-_ASKED_AGAIN_S, None))
            if now_s - asked_s >= _ASKED_AGAIN_S:
                person = self._people.get(pseudonym)
                self._known[pseudonym] = (now_s, person)
            return person
