"""What can be known about a serial port before and after it fails to open."""

from __future__ import annotations

import errno
import os
import stat
import termios
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

SUPERVISOR = "robofeed_serial.supervision.process"
"""The module that owns an arm's port for a program."""
OTHER_ENDS = {"/dev/ptmx", "/dev/pts/ptmx"}
"""Of pseudo-terminals: who has one open beside the port is what answers there."""
LONGEST_COMMAND = 60
SLOW_MS = 1
"""A USB latency timer above this limits the rate; FTDI's driver starts with 16 ms."""


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A serial port of this machine."""

    path: str
    """The name that stays when other adapters come and go, where the system has one."""
    device: str
    """The name the system opens: /dev/ttyACM0, /dev/cu.usbmodem1101."""
    description: str
    serial_number: str


def list_ports(folder: Path | None = None) -> list[PortInfo]:
    """Ports with a device behind them, USB first. Ports of the mainboard are last.

    With `folder` those that lie or are linked there, whatever is behind them: twins', for instance.
    """
    if folder is not None:
        return [
            PortInfo(str(path), str(path.resolve()), "", "")
            for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
            if path.is_char_device()
        ]
    from serial.tools.list_ports import comports

    found = [
        PortInfo(
            stable_name(port.device), port.device, port.description or "", port.serial_number or ""
        )
        for port in comports()
    ]
    return sorted(found, key=lambda port: (not port.serial_number, port.path))


def stable_name(device: str, folder: Path = Path("/dev/serial/by-id")) -> str:
    """The name under /dev/serial/by-id, which stays the same; `device` where there is none."""
    if folder.is_dir():
        for link in sorted(folder.iterdir()):
            if link.resolve() == Path(device).resolve():
                return str(link)
    return device


def latency_timer_ms(port: str, sysfs: Path = Path("/sys/class/tty")) -> int | None:
    """How long the USB adapter collects bytes before it hands them over; None = it has no timer."""
    timer = sysfs / Path(port).resolve().name / "device/latency_timer"
    try:
        return int(timer.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None  # no FTDI adapter, or not Linux: there is nothing to warn of


def latency_warning(port: str, sysfs: Path = Path("/sys/class/tty")) -> str | None:
    """A sentence for the operator where the adapter's timer limits the rate."""
    timer_ms = latency_timer_ms(port, sysfs)
    if timer_ms is None or timer_ms <= SLOW_MS:
        return None
    return (
        f"The USB adapter of {port} holds bytes back for {timer_ms} ms, which allows at most "
        f"{1000 // timer_ms} reads a second. Set it to 1 ms: "
        f"echo 1 | sudo tee {sysfs / Path(port).resolve().name}/device/latency_timer"
    )


def why_not_open(port: str, error: OSError) -> str:
    """Why `port` could not be opened and what to do, in the words of this machine."""
    number = error.errno or _errno_in(error)
    if number == errno.ENOENT or (number is None and not os.path.exists(port)):
        return f"There is no port {port}. {_what_there_is()}"
    if number in (errno.EACCES, errno.EPERM):
        return f"No permission to open {port}. {_how_to_get_permission(port)}"
    if number in (errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK):
        return (
            f"The port {port} is in use{_by_whom(port)}. Only one program may own it: "
            "end the other one, then try again."
        )
    if number in (errno.ENOTTY, errno.EISDIR):
        return f"{port} is no serial port. {_what_there_is()}"
    return f"The port {port} cannot be opened: {error}. Unplug the adapter, plug it in, try again."


def _errno_in(error: OSError) -> int | None:
    """The system's error number, which pyserial may leave in the exception it wrapped."""
    for inner in (error.__cause__, error.__context__):
        if isinstance(inner, OSError | termios.error):
            number = next(iter(inner.args), None)
            if isinstance(number, int):
                return number
    return None


def _what_there_is() -> str:
    names = ", ".join(port.path for port in list_ports())
    return (
        f"Ports of this machine: {names}. `robofeed arm find` tells which is the arm's."
        if names
        else "This machine has no serial port now: plug the arm's adapter in and switch the arm on."
    )


def _how_to_get_permission(port: str) -> str:
    try:
        import grp

        about = os.stat(port)
        group = grp.getgrgid(about.st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return "Ask who runs this machine for access to serial ports."
    if (
        about.st_mode & (stat.S_IRGRP | stat.S_IWGRP) == stat.S_IRGRP | stat.S_IWGRP
        and group != "root"
    ):
        return (
            f"It belongs to the group {group}: join it with `sudo usermod -aG {group} $USER`, "
            "then log out and in."
        )
    return (
        f"Its group {group} may not use it: `sudo chmod a+rw {port}` helps until it is unplugged."
    )


def _by_whom(port: str) -> str:
    """` by process 12 (robofeed arm teleop so101)` where the system tells; others' it hides."""
    ends = {_to_be_ended(pid) for pid in _holders(os.path.realpath(port))} - {os.getpid()}
    names = [f"{pid} ({_command_of(pid)})" for pid in sorted(ends)]
    return f" by process {', '.join(names)}" if names else ""


def _holders(device: str) -> set[int]:
    """Who has it open, but for a twin, which has the other end of it as well."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            files = {os.path.realpath(entry) for entry in folder.iterdir()}
        except OSError:
            continue  # somebody else's, or gone meanwhile
        if device in files and not files & OTHER_ENDS:
            found.add(int(folder.parent.name))
    return found


def _to_be_ended(pid: int) -> int:
    """Itself; the program that started it, where it is a supervisor, which goes with its client."""
    if SUPERVISOR in _words_of(pid):
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            return pid  # gone meanwhile
        return parent if parent > 1 else pid
    return pid


def _command_of(pid: int) -> str:
    """As it was typed, more or less: without the interpreter and its options."""
    words = _words_of(pid)
    if not words:
        return "gone"
    name = Path(words[0]).name
    if name.startswith("python"):
        options = list(takewhile(lambda word: word.startswith("-"), words[1:]))
        words = words[1 + len(options) :]
        if not words or any(option.endswith("c") for option in options):
            return name
    text = " ".join([Path(words[0]).name, *words[1:]])
    return text if len(text) <= LONGEST_COMMAND else f"{text[:LONGEST_COMMAND]} ..."


def _words_of(pid: int) -> list[str]:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return []
    return [word for word in words.split("\0") if word]
