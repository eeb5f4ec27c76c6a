"""Why a servo board refuses, in words, with what to do."""

from __future__ import annotations

from robofeed_serial.rfp.messages import BoardFault, Kind, Refusal, Result

FAULT_WORDS = {
    BoardFault.HEARTBEAT: "no goal came in time",
    BoardFault.STOP_PIN: "the stop switch was pressed, or its wire is cut",
    BoardFault.STOP_FRAME: "it was told to stop",
    BoardFault.SUPPLY: "the servos' supply is too low",
    BoardFault.LINK: "too many frames were damaged",
    BoardFault.CONFIG: "its limits are not set or damaged: `robofeed arm setup PORT --arm ARM`",
    BoardFault.SESSION: "another program said hello while the arm moved",
    BoardFault.WATCHDOG: "its firmware hung and was reset",
}


def fault_words(faults: BoardFault) -> str:
    """Each of `faults` in words."""
    return "; ".join(words for fault, words in FAULT_WORDS.items() if fault in faults)


def explained(refusal: Refusal, port: str) -> str:
    """What was refused, why, and the next step."""
    names = {int(kind): kind.name for kind in Kind}
    what = names.get(refusal.kind, f"type {refusal.kind:#04x}")
    return f"The servo board on {port} refuses {what}: {_why(refusal)}."


def _why(refusal: Refusal) -> str:
    detail = refusal.detail
    match refusal.result:
        case Result.UNKNOWN_TYPE | Result.BAD_LENGTH:
            return "its firmware does not know this request. Flash the firmware of this version"
        case Result.BAD_VALUE:
            where = "the board's own values" if detail == 255 else f"servo {detail + 1}"
            return f"{where} make no sense; hardware/protocol.md has the ranges"
        case Result.OLD_SEQUENCE:
            return f"it has seen newer ones (number {detail})"
        case Result.NO_HELLO:
            return "it has restarted and knows nobody. Begin again; the arm is limp"
        case Result.WRONG_VERSION:
            return f"it speaks version {detail} of the protocol. Flash the firmware of this version"
        case Result.WRONG_CONFIG:
            return "its limits are others than this program thinks. Read them anew"
        case Result.FAULTY:
            faults = fault_words(BoardFault(detail))
            return f"{faults}. Put that right, then acknowledge it"
        case Result.NOT_DISARMED:
            return "the servos hold. Only while they are limp can this be done"
        case Result.OUT_OF_RANGE:
            return f"servo {detail + 1} stands outside its limits. Move it inside by hand"
        case Result.NO_START:
            return (
                f"servo {detail + 1} has no potentiometer, so nobody knows where it stands. "
                "Write a goal where it is before torque on"
            )
        case Result.UNSAVED:
            return "its limits are being changed and not saved yet"
