"""A request that is not granted, in words a person can act on."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - an answer to a request, not a fault
    """`status` is the HTTP status, `code` a word for programs, the message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @property
    def body(self) -> dict[str, str]:
        """What the browser is told."""
        return {"error": self.code, "message": self.message}
