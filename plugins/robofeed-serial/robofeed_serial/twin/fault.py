"""The faults that a twin can be given, as text, TOML or JSON, checked before they act."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from robofeed.data.errors import ConfigError, did_you_mean
from robofeed_serial.arms.toml_file import read_toml

ReplyKind = Literal["drop", "corrupt", "late", "duplicate", "truncate"]
"""What happens to single replies on their way to the host"""
LineKind = Literal["echo", "latency"]
"""What the adapter does to all bytes"""
ServoKind = Literal[
    "alone", "mute", "duplicate_id", "wrong_baud", "wrong_model", "wrong_firmware", "stuck", "hot"
]
"""What is wrong with a servo for a time"""
EventKind = Literal["brown_out", "overload"]
"""What happens at one moment"""
ArmKind = Literal["unplug", "low_voltage"]
"""What is wrong with port or supply for a time"""
Kind = Literal[ReplyKind, LineKind, ServoKind, EventKind, ArmKind]

REPLY_KINDS = frozenset(get_args(ReplyKind))
EVENT_KINDS = frozenset(get_args(EventKind))
SERVO_KINDS = frozenset(get_args(ServoKind)) | EVENT_KINDS
_OF_ONE_SERVO = {
    "alone",
    "mute",
    "duplicate_id",
    "stuck",
    "hot",
    "overload",
    "wrong_model",
    "wrong_firmware",
}
_ONLY_FOR = {
    "share": REPLY_KINDS,
    "times": REPLY_KINDS,
    "after": REPLY_KINDS,
    "late_s": {"late", "latency"},
    "keep_bytes": {"truncate"},
    "as_id": {"duplicate_id"},
    "baud": {"wrong_baud"},
    "number": {"wrong_model", "wrong_firmware"},
    "temperature_c": {"hot"},
    "volts_share": {"low_voltage"},
}


class Fault(BaseModel):
    """One fault. Times are counted from when it is set."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind
    servo_id: int | None = Field(default=None, ge=0, le=253)
    """None: every servo, where the kind allows that"""
    at_s: float = Field(default=0.0, ge=0)
    for_s: float | None = Field(default=None, gt=0)
    """None: until it is cleared"""
    share: float = Field(default=1.0, gt=0, le=1)
    """of the replies, by the twin's seeded dice"""
    times: int | None = Field(default=None, gt=0)
    """replies it may hit; None is any number, but one for `late`"""
    after: int = Field(default=0, ge=0)
    """replies let pass first"""
    late_s: float = Field(default=0.0, ge=0)
    """`late`: by how much (0.045 unless given); `latency`: the adapter's timer (0.016)"""
    keep_bytes: int = Field(default=3, ge=0)
    """`truncate`: what is left of the reply"""
    as_id: int = Field(default=1, ge=0, le=252)
    """`duplicate_id`: the id that the servo takes"""
    baud: int = Field(default=57_600, gt=0)
    """`wrong_baud`: the rate that the servos take"""
    number: int = Field(default=0, ge=0, le=65_535)
    """`wrong_model`, `wrong_firmware`: what it answers with instead, the minor version (to 255)"""
    temperature_c: float = 75.0
    """`hot`"""
    volts_share: float = Field(default=0.6, ge=0, le=2)
    """`low_voltage`: of the nominal voltage"""

    @model_validator(mode="after")
    def _fits(self) -> Fault:
        for name in self.model_fields_set:
            if name in _ONLY_FOR and self.kind not in _ONLY_FOR[name]:
                raise ValueError(f"{name} means nothing for the fault {self.kind!r}")
        if self.kind in _OF_ONE_SERVO and self.servo_id is None:
            raise ValueError(f"the fault {self.kind!r} needs a servo_id")
        if self.kind == "wrong_firmware" and self.number > 255:
            raise ValueError(f"a firmware's number is at most 255, not {self.number}")
        if self.kind in EVENT_KINDS and self.for_s is not None:
            raise ValueError(f"the fault {self.kind!r} happens at one moment: leave out for_s")
        return self

    @property
    def delay_s(self) -> float:
        """How late, or how long the adapter's timer is."""
        return self.late_s or (0.016 if self.kind == "latency" else 0.045)

    @property
    def most(self) -> float:
        """How many replies it may hit."""
        if self.times is not None:
            return self.times
        return 1 if self.kind == "late" else math.inf

    def __str__(self) -> str:
        given = self.model_dump(exclude_unset=True, exclude={"kind"})
        values = ",".join(f"{name}={value}" for name, value in given.items())
        return f"{self.kind}:{values}" if values else self.kind


class FaultFile(BaseModel):
    """A script: `seed = 1` and tables `[[fault]]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0)
    fault: tuple[Fault, ...] = ()


def read_fault_file(path: Path) -> FaultFile:
    """The script in a TOML file.

    Raises:
        ConfigError: it cannot be read or used, with file and key.
    """
    return read_toml(path, FaultFile, "fault script")


def parse_fault(text: str) -> Fault:
    """A fault from `kind` or `kind:name=value,name=value`.

    Raises:
        ConfigError: no such fault, or values that it does not take.
    """
    kind, _, rest = text.partition(":")
    values: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"the fault {text!r}: {pair!r} is not name=value")
        values[name.strip()] = value.strip()
    return make_fault({"kind": kind.strip(), **values}, repr(text))


def make_fault(values: Mapping[str, Any], where: str) -> Fault:
    """A fault from its fields.

    Raises:
        ConfigError: no such fault, or values that it does not take.
    """
    kinds, kind = _kinds(), str(values.get("kind"))
    if kind not in kinds:
        raise ConfigError(f"the fault {where}: no kind {kind!r}{did_you_mean(kind, kinds)}")
    for name in values:
        if name not in Fault.model_fields:
            hint = did_you_mean(name, Fault.model_fields)
            raise ConfigError(f"the fault {where}: no {name!r}{hint}")
    try:
        return Fault.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        said = ": ".join([*map(str, first["loc"]), first["msg"]])
        raise ConfigError(f"the fault {where}: {said}") from None


def _kinds() -> list[str]:
    groups = (ReplyKind, LineKind, ServoKind, EventKind, ArmKind)
    return [kind for group in groups for kind in get_args(group)]
