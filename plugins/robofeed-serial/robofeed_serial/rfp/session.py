"""Requests to a servo board and the answers that belong to them."""

from __future__ import annotations

import math
import time

from robofeed_serial.buses.servo_bus import ServoRefused
from robofeed_serial.rfp.frames import LONGEST_WIRE, Frame, FrameReader
from robofeed_serial.rfp.messages import (
    ANSWER,
    REFUSED,
    VERSION,
    BoardState,
    Hello,
    Kind,
    Refusal,
    Result,
)
from robofeed_serial.rfp.refusals import explained
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link

TRIES = 3
HURRIED = {Kind.STATE, Kind.SETPOINT, Kind.STOP}
QUESTIONS = {Kind.STATE, Kind.STOP}
"""What the board obeys whatever its number."""
QUESTION_NUMBERS = 64
"""Their numbers go round so far ahead of the newest order's: the board takes 128 ahead for old."""
AT_REST_S = 0.1
"""More time for all other answers: the arm does not move, and nobody is in a hurry."""
SAVE_S = 1.0
"""82 bytes of EEPROM at 3.4 ms, and some."""


class BoardRefused(ServoRefused):
    """The board's own words: `refusal` says which."""

    def __init__(self, refusal: Refusal, port: str) -> None:
        super().__init__(explained(refusal, port))
        self.refusal = refusal


class Session:
    """Numbers requests, matches answers by that number, tries again what went missing.

    A number is never used for two requests in a row, so that a late answer is nobody's. The board
    obeys only orders with a number newer than the last one's. However many questions lie between,
    ours are; where it disagrees, because somebody else gave it orders, its count is taken up.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self._sequence = 0
        self._ordered = 0
        """The number of the newest order."""
        self._reader = FrameReader()

    @property
    def sequence(self) -> int:
        """The number of the newest request."""
        return self._sequence

    def hello(self) -> Hello:
        """Begin: an arm that is moving holds. Raises ServoRefused where versions differ."""
        return Hello.from_payload(self.ask(Kind.HELLO, bytes((VERSION,))))

    def state(self, *, tries: int = TRIES, most_s: float = math.inf) -> BoardState:
        """Where everything is now. `most_s` is for each try, whose own time may be shorter."""
        payload = self.ask(Kind.STATE, tries=tries, most_s=most_s)
        return BoardState.from_payload(payload)

    def say(self, kind: Kind, payload: bytes = b"") -> int:
        """Send what nobody answers. Returns its number."""
        self._count(kind)
        self.link.send(Frame(kind, self._sequence, payload).to_wire())
        return self._sequence

    def ask(
        self,
        kind: Kind,
        payload: bytes = b"",
        *,
        tries: int = TRIES,
        most_s: float = math.inf,
    ) -> bytes:
        """The payload of the answer. `most_s` is for each try, whose own time may be shorter.

        Raises BusTimeout when no try is answered, BoardRefused, PortGone.
        """
        for attempt in range(tries):
            if attempt:
                self.link.statistics.retries += 1
            try:
                answer = self._exchange(kind, payload, most_s)
            except BusTimeout as error:
                missed = error
                continue
            if answer.kind != REFUSED:
                return answer.payload
            refusal = Refusal.from_payload(answer.payload)
            if refusal.result is not Result.OLD_SEQUENCE:
                raise BoardRefused(refusal, self.link.url)
            self._sequence = self._ordered = refusal.detail
            missed = BusTimeout(explained(refusal, self.link.url))
        raise missed

    def _count(self, kind: Kind) -> None:
        ahead = (self._sequence - self._ordered) % 256
        if kind in QUESTIONS:
            self._sequence = (self._ordered + ahead % QUESTION_NUMBERS + 1) % 256
        else:
            self._sequence = self._ordered = (self._sequence + 1) % 256

    def _exchange(self, kind: Kind, payload: bytes, most_s: float) -> Frame:
        self._count(kind)
        request = Frame(kind, self._sequence, payload)
        answers: list[Frame] = []

        def until(received: bytes) -> bool:
            for frame in self._reader.feed(received):
                if frame.sequence == request.sequence and frame.kind in (kind | ANSWER, REFUSED):
                    answers.append(frame)
                else:
                    self.link.statistics.misfits += 1
            return bool(answers)

        self._reader = FrameReader()
        wire = request.to_wire()
        deadline_s = self.link.wire_s(len(wire) + LONGEST_WIRE) + self.link.reply_wait_s
        # A state that is asked for without a bound is nobody's control cycle either.
        hurried = kind in HURRIED and (kind is not Kind.STATE or most_s < math.inf)
        deadline_s += 0.0 if hurried else AT_REST_S
        deadline_s += SAVE_S if kind is Kind.SAVE else 0.0
        try:
            self.link.exchange(wire, until, min(deadline_s, most_s))
        finally:
            self.link.statistics.crc_errors += self._reader.bad_frames
        self.link.statistics.replies += 1
        return answers[-1]


def wait_for_board(session: Session, within_s: float) -> Hello:
    """HELLO until it is answered: opening the port resets many boards, whose loader takes a second.

    Raises BusTimeout where nobody answers `within_s`.
    """
    end_s = time.monotonic() + within_s
    while True:
        try:
            return session.hello()
        except BusTimeout as error:
            if time.monotonic() >= end_s:
                raise BusTimeout(
                    f"No servo board answers on {session.link.url} at {session.link.baud} bit/s. "
                    "Check power and cable; with the jumper D5-GND it talks at 115200."
                ) from error
