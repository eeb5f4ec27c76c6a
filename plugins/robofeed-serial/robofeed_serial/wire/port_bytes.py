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
LOOK_S = 0.0001
"""So long before and after the moment at which an answer is due the port is looked at without a
pause: to be woken from sleep takes half as long, a twentieth of a cycle at 1 Mbps."""
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
    now_s = time.monotonic()
    end_s = now_s + wait_s
    look_s, look_until_s = min(end_s, due_s - LOOK_S), min(end_s, due_s + LOOK_S)
    if now_s < look_until_s:
        if now_s < look_s and select.select([descriptor], [], [], look_s - now_s)[0]:
            return _read_ready(descriptor)
        while time.monotonic() < look_until_s:
            if data := read_at_once(descriptor):
                return data
        wait_s = max(0.0, end_s - time.monotonic())
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
