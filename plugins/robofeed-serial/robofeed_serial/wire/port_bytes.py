"""Bytes out of and into an open port, by its descriptor where it has one.

pyserial's own ways to the same take three system calls each, which at 1 Mbps is felt.
"""

from __future__ import annotations

import os
import select
import time

import serial

CHUNK = 4096
"""What a terminal keeps for a reader at most."""
ROUSE_S = 0.0002
"""So long before an answer is due its reader is woken once for nothing: a processor that has just
been awake wakes sooner. To look at the port without a pause instead keeps the system from handing
the bytes over where it has no processor to spare."""
_POLL_S = 0.0005


def has_descriptor(port: serial.SerialBase) -> bool:
    """Whether `select` can watch it."""
    try:
        port.fileno()
    except (AttributeError, OSError, ValueError):
        return False  # loop://, rfc2217://: no file behind it
    return True


def wait_for_bytes(descriptor: int, wait_s: float, due_s: float) -> bytes:
    """The first bytes within `wait_s`, b"" for none; `due_s` (monotonic) is when they may come.

    Raises OSError where the device is gone.
    """
    asleep_s = due_s - ROUSE_S - time.monotonic()
    if 0.0 < asleep_s < wait_s:
        if select.select([descriptor], [], [], asleep_s)[0]:
            return _read_ready(descriptor)
        wait_s -= asleep_s
    if not select.select([descriptor], [], [], wait_s)[0]:
        return b""
    return _read_ready(descriptor)


def read_at_once(descriptor: int) -> bytes:
    """What waits to be read."""
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return b""


def write_at_once(descriptor: int, data: bytes) -> int:
    """How many bytes the port takes without waiting."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0


def poll(port: serial.SerialBase, wait_s: float) -> bytes:
    """The same as `wait_for_bytes` on a port without a descriptor."""
    end_s = time.monotonic() + wait_s
    while not port.in_waiting:
        if time.monotonic() >= end_s:
            return b""
        time.sleep(_POLL_S)
    return bytes(port.read(port.in_waiting))


def _read_ready(descriptor: int) -> bytes:
    """What has come to a port that says so."""
    data = os.read(descriptor, CHUNK)
    if not data:  # ready, and nothing there: a device that is gone looks like that
        raise OSError("the device is gone")
    return data
