"""Who is on a port: every protocol, every rate, every likely id."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from robofeed_serial.arms.arm_file import ArmFile, Protocol, load_any_arm
from robofeed_serial.arms.description import arm_names
from robofeed_serial.buses.servo_bus import ServoBus, ServoModel, ServoState
from robofeed_serial.make_bus import make_bus
from robofeed_serial.wire.errors import BusTimeout, PortGone

LIKELY_IDS = range(21)
ALL_IDS = range(254)
SCANNED: tuple[Protocol, ...] = ("feetech", "dynamixel", "rfp")


@dataclass(frozen=True, slots=True)
class Found:
    """One servo that answered."""

    protocol: Protocol
    model: ServoModel
    state: ServoState | None


def scan_port(
    port: str,
    ids: Iterable[int] = LIKELY_IDS,
    protocols: Sequence[Protocol] = SCANNED,
    bauds: Sequence[int] = (),
    tell: Callable[[str], object] = lambda text: None,
) -> list[Found]:
    """Everybody who answers; stops at the first rate of a protocol at which somebody does.

    Args:
        port: The port.
        ids: To ask for.
        protocols: To try.
        bauds: To try; empty = those that such servos can have, likeliest first.
        tell: Told what is tried now.

    Raises:
        PortGone: the port cannot be opened.
    """
    ids = list(ids)
    for protocol in protocols:
        bus = make_bus(protocol, port, 1_000_000)
        bus.open()
        try:
            for baud in bauds or bus.bauds:
                tell(f"{protocol} at {baud}")
                found = [Found(protocol, *each) for each in _at(bus, baud, ids)]
                if found:
                    return found
        finally:
            bus.close()
    return []


def _at(bus: ServoBus, baud: int, ids: list[int]) -> Iterator[tuple[ServoModel, ServoState | None]]:
    try:
        bus.set_baud(baud)
    except PortGone:
        return  # an adapter that cannot do this rate; the others still count
    models = _asked(bus, ids)
    if models:  # who is there, and is slow or was drowned, gets a second chance
        models |= _asked(bus, [servo_id for servo_id in ids if servo_id not in models])
    # Asked together: the first reading of a bus tells everything, later ones only what moves.
    states = bus.read_states(sorted(models), budget_s=0.1 * len(models)) if models else {}
    for servo_id in sorted(models):
        yield models[servo_id], states.get(servo_id)


def _asked(bus: ServoBus, ids: list[int]) -> dict[int, ServoModel]:
    models = {}
    for servo_id in ids:
        with contextlib.suppress(BusTimeout):  # it answered, then fell silent: asked again later
            if (model := bus.ping(servo_id)) is not None:
                models[servo_id] = model
    return models


def arms_like(found: Sequence[Found]) -> list[str]:
    """The bundled arms whose servos, ids and models, are exactly these."""
    arms = {name: load_any_arm(name) for name in arm_names()}
    return [name for name, arm in arms.items() if isinstance(arm, ArmFile) and _is(arm, found)]


def _is(arm: ArmFile, found: Sequence[Found]) -> bool:
    there = {each.model.servo_id: each.model.number for each in found}
    return (
        all(each.protocol == arm.protocol for each in found)
        and set(there) == set(arm.ids)
        and all(
            not servo.model_numbers or there[servo.id] in servo.model_numbers
            for servo in arm.servos
        )
    )


def table(found: Sequence[Found]) -> list[str]:
    """Lines for a person."""
    lines = ["  id  model            firmware  position   volts  deg C  trouble"]
    for each in found:
        model, state = each.model, each.state
        position = "-" if state is None else str(state.position_ticks)
        volts = "-" if state is None or state.voltage_v is None else f"{state.voltage_v:.1f}"
        heat = "-" if state is None or state.temperature_c is None else f"{state.temperature_c:.0f}"
        trouble = "" if state is None or not state.faults else str(state.faults.name).lower()
        lines.append(
            f"{model.servo_id:4d}  {model.name:16s} {model.firmware:>8s} {position:>9s}  "
            f"{volts:>6s} {heat:>6s}  {trouble}".rstrip()
        )
    return lines
