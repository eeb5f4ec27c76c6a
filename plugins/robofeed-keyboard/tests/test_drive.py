"""`robofeed drive` and `robofeed record` in a real terminal: a pseudo-terminal, and tmux."""

import contextlib
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import termios
import time
import uuid
from typing import ClassVar

import pytest

from robofeed.data import consent
from robofeed.data.feedback import Consent, Demonstration, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore

POINT = """
[backend]
use = "point"
[backend.point]
horizon = 20
[simulation]
processes = 1
"""
ROBOFEED = [sys.executable, "-m", "robofeed"]
LIMIT_S = 60.0


class Terminal:
    """A program in a pseudo-terminal of its own; while one is waited for, all are read.

    One that nobody reads fills up, and its program stands still.
    """

    every: ClassVar[list["Terminal"]] = []

    def __init__(self, *command):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        self.every.append(self)
        self.seen = ""
        self.before = termios.tcgetattr(self.master)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def wait_for(self, pattern):
        """Read on until the screen has shown `pattern` since the last time."""
        latest = time.monotonic() + LIMIT_S
        while (match := re.search(pattern, self.seen)) is None:
            assert time.monotonic() < latest, f"never saw {pattern!r}: {self.seen[-2000:]!r}"
            ready = select.select([each.master for each in self.every], [], [], 0.1)[0]
            for each in [each for each in self.every if each.master in ready]:
                with contextlib.suppress(OSError):
                    each.seen += os.read(each.master, 65_536).decode("utf-8", "replace")
        self.seen = self.seen[match.end() :]
        return match

    def end(self):
        """Its exit code, and its last words."""
        latest = time.monotonic() + LIMIT_S
        while True:
            if select.select([self.master], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.seen += os.read(self.master, 65_536).decode("utf-8", "replace")
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < latest, self.seen[-2000:]

    def is_as_before(self):
        """Whether the terminal echoes and waits for Enter again."""
        flags = termios.tcgetattr(self.master)[3]
        return bool(flags & termios.ECHO and flags & termios.ICANON)

    def close(self):
        self.every.remove(self)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)


@pytest.fixture
def terminal():
    opened = []

    def start(*command):
        opened.append(Terminal(*command))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def point(tmp_path):
    file = tmp_path / "point.toml"
    file.write_text(POINT)
    return file


@pytest.fixture
def recording(point, tmp_path):
    """A recording that waits for somebody; its folder."""
    started = []

    def start(*more, agreed=("operator", "anna", "ben")):
        command = [*ROBOFEED, "record", "--config", str(point), "--by", "none"]
        process = subprocess.Popen(
            [*command, "--out", str(tmp_path), "--name", "demos", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        folder = tmp_path / "demos"
        latest = time.monotonic() + LIMIT_S
        while not (folder / "control.sock").exists():
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < latest
            time.sleep(0.05)
        with contextlib.closing(Ledger.open(folder / "feedback.sqlite")) as ledger:
            for person in agreed:
                stamp = Stamp(str(uuid.uuid4()), person, "keyboard")
                ledger.append(Consent(stamp, consent.VERSION, consent.TEXT))
        return process, folder

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def demonstrations(folder):
    ledger = Ledger.open(folder / "feedback.sqlite")
    found = [e.feedback for e in ledger.standing() if isinstance(e.feedback, Demonstration)]
    ledger.close()
    return found


def test_demonstrations_are_recorded_by_keys_discarded_and_kept_under_a_pseudonym(
    terminal, point, tmp_path
):
    screen = terminal(
        *(*ROBOFEED, "record", "--config", str(point), "--demonstrations", "2"),
        *("--out", str(tmp_path), "--name", "demos", "--person", "anna"),
    )
    screen.wait_for("Do you agree\\?")
    screen.type("y")
    screen.wait_for("corrections by keyboard \\(in use\\)")
    screen.wait_for("Browser .*not used here")
    screen.wait_for("Gamepad: not supported")
    screen.wait_for("held by anna")
    screen.type("d")
    screen.wait_for(r"\[correcting\].*d000000 step [1-9]")
    screen.type("\x7f")
    screen.wait_for("d000001 step")
    for number in (1, 2):
        screen.type("w")
        screen.wait_for(rf"\[correcting\] \d kept .*|\[correcting\] .*d00000{number} step [2-9]")
        time.sleep(0.3)
        screen.type("\r")
        if number == 1:
            screen.wait_for("1 kept .*d000002|d000002.*1 kept|1 kept")
    assert screen.end() == 0
    assert screen.is_as_before()
    assert "2 demonstrations of 3 episodes" in screen.seen
    assert "key to motion: median" in screen.seen

    kept = demonstrations(tmp_path / "demos")
    assert [(each.episode_id, each.stamp.person, each.stamp.source) for each in kept] == [
        ("d000001", "anna", "keyboard"),
        ("d000002", "anna", "keyboard"),
    ]
    store = EpisodeStore(tmp_path / "demos")
    assert store.read("d000000").reason == "discarded by a person"
    moved = store.read("d000001")
    assert moved.correction is not None
    assert (moved.correction[:, 1] > 0).any()
    assert moved.observations[-1, 1] > moved.observations[0, 1]


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        (lambda screen: screen.type("q"), 0),
        (lambda screen: screen.type("\x03"), 130),
        (lambda screen: os.kill(screen.pid, signal.SIGTERM), 128 + signal.SIGTERM),
        (lambda screen: os.kill(screen.pid, signal.SIGHUP), 128 + signal.SIGHUP),
    ],
    ids=["q", "ctrl-c", "sigterm", "sighup"],
)
def test_the_terminal_is_as_it_was_however_one_leaves(terminal, recording, leave, code):
    _, folder = recording()
    screen = terminal(*ROBOFEED, "drive", str(folder))
    screen.wait_for("held by operator")
    assert not screen.is_as_before()
    leave(screen)
    assert screen.end() == code
    assert screen.is_as_before()


def test_nobody_steers_before_agreeing_and_nobody_is_asked_twice(terminal, recording):
    _, folder = recording(agreed=())
    screen = terminal(*ROBOFEED, "drive", str(folder))
    screen.wait_for("This is kept")
    screen.wait_for("Do you agree\\?")
    screen.type("wn")
    assert screen.end() == 0
    assert screen.is_as_before()
    assert "held by" not in screen.seen

    screen = terminal(*ROBOFEED, "drive", str(folder))
    screen.wait_for("Do you agree\\?")
    screen.type("y")
    screen.wait_for("held by operator")
    screen.type("q")
    screen.end()
    again = terminal(*ROBOFEED, "drive", str(folder))
    again.wait_for("held by operator")
    assert "Do you agree" not in again.seen
    with contextlib.closing(Ledger.open(folder / "feedback.sqlite")) as ledger:
        (agreed,) = [e.feedback for e in ledger.standing() if isinstance(e.feedback, Consent)]
    assert (agreed.stamp.person, agreed.version) == ("operator", consent.VERSION)
    assert agreed.text == consent.TEXT


def test_when_the_run_ends_the_terminal_says_so_and_is_as_it_was(terminal, recording):
    process, folder = recording()
    screen = terminal(*ROBOFEED, "drive", str(folder))
    screen.wait_for("held by operator")
    process.send_signal(signal.SIGINT)
    screen.wait_for("hung up: the run has ended")
    assert screen.end() == 0
    assert screen.is_as_before()
    assert process.wait(LIMIT_S) == 130


def test_stop_ends_the_run_with_its_exit_code(terminal, recording):
    process, folder = recording()
    screen = terminal(*ROBOFEED, "drive", str(folder))
    screen.wait_for("held by operator")
    screen.type("X")
    assert process.wait(LIMIT_S) == 5
    screen.end()
    assert screen.is_as_before()


def test_a_second_terminal_is_told_who_holds_the_controls_and_may_take_them_over(
    terminal, recording
):
    _, folder = recording()
    anna = terminal(*ROBOFEED, "drive", str(folder), "--person", "anna")
    anna.wait_for("held by anna")
    ben = terminal(*ROBOFEED, "drive", str(folder), "--person", "ben")
    ben.wait_for(r"anna \(keyboard\) holds the controls; V takes them over")
    ben.type("V")
    ben.wait_for("held by ben")
    anna.wait_for("no longer yours")


def test_the_keys_are_shown_on_request(terminal, recording):
    _, folder = recording()
    screen = terminal(*ROBOFEED, "drive", str(folder))
    screen.wait_for("held by operator")
    screen.type("?")
    screen.wait_for(r"d right / a left\s+dx up / down")
    screen.wait_for(r"X\s+Stop \(software\)")


def test_a_suspended_program_gives_the_terminal_and_the_controls_back(terminal, recording):
    _, folder = recording()
    screen = terminal(*ROBOFEED, "drive", str(folder))
    screen.wait_for("held by operator")
    screen.type("\x1a")
    os.waitpid(screen.pid, os.WUNTRACED)
    assert screen.is_as_before()
    watcher = terminal(*ROBOFEED, "drive", str(folder), "--person", "ben")
    watcher.wait_for("held by ben")
    os.kill(screen.pid, signal.SIGCONT)
    screen.wait_for("nothing was heard from you")
    assert not screen.is_as_before()


@pytest.mark.parametrize("verb", ["drive", "record"])
def test_without_a_terminal_it_says_what_to_do(point, tmp_path, verb):
    arguments = {
        "drive": ["drive", str(tmp_path)],
        "record": ["record", "--config", str(point), "--out", str(tmp_path)],
    }
    done = subprocess.run(
        [*ROBOFEED, *arguments[verb]], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "standard input is none" in done.stderr


def test_where_nothing_runs_it_says_so(terminal, tmp_path):
    screen = terminal(*ROBOFEED, "drive", str(tmp_path))
    assert screen.end() == 4
    assert "no process runs" in screen.seen


@pytest.mark.needs("tmux")
def test_it_works_in_tmux(recording, tmp_path):
    process, folder = recording()
    tmux = ["tmux", "-L", f"robofeed-{os.getpid()}", "-f", "/dev/null"]

    def screen():
        shown = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True)
        return shown.stdout

    def wait_for(pattern):
        latest = time.monotonic() + LIMIT_S
        while not re.search(pattern, screen()):
            assert time.monotonic() < latest, screen()
            time.sleep(0.1)

    drive = shlex.join([*ROBOFEED, "drive", str(folder)])
    subprocess.run([*tmux, "new-session", "-d", "-x", "100", "-y", "40", drive], check=True)
    try:
        wait_for("held by operator")
        subprocess.run([*tmux, "send-keys", "Right"], check=True)
        wait_for(r"\[correcting\]")
        subprocess.run([*tmux, "send-keys", "Space"], check=True)
        wait_for(r"\[paused\]")
        subprocess.run([*tmux, "send-keys", "X"], check=True)
        assert process.wait(LIMIT_S) == 5
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True)
