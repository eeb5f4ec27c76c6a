"""The control socket, both ends over a real one, with time in the test's hand."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import numpy as np
import pytest

from robofeed.act.control_channel import ControlChannel
from robofeed.data import control_socket
from robofeed.data.control_client import ControlClient
from robofeed.data.control_messages import (
    LONGEST_LINE,
    SOCKET,
    Do,
    LiveState,
    decode_event,
)
from robofeed.data.control_socket import socket_path
from robofeed.data.errors import DataError
from robofeed.data.intervention import (
    Discard,
    Driver,
    Mark,
    NoObjection,
    Pause,
    Resume,
    StopRequest,
    Take,
)
from robofeed.data.observation import Observation
from robofeed.testing.fake_arm import FakeArm

SPEC = FakeArm().spec
ANNA, BEN = Driver("anna", "keyboard"), Driver("ben", "web")
SEEN = Observation(0, np.zeros(4, np.float32))
NO_ACTION = np.zeros(2, np.float32)


def poll(channel, times=1):
    """The last of so many answers; reading a connection may take one poll after accepting it."""
    for _ in range(times):
        said = channel.poll(SEEN, NO_ACTION)
    return said


def told(client):
    return [event["is"] for event in client.receive_all()]


# --- driving --------------------------------------------------------------------------------------


def test_nobody_is_there_and_nobody_objects(channel):
    assert poll(channel) == NoObjection()
    assert channel.driver is None
    assert not channel.wants_state()


def test_the_welcome_says_what_can_be_moved(channel, connect):
    client = connect()
    poll(channel)
    welcome = client.receive(1.0)
    assert welcome["period_s"] == SPEC.period_s
    assert welcome["action"]["low"] == pytest.approx([-0.1, -0.1])


def test_the_newest_command_wins(channel, anna, clock):
    anna.send(Do.MOVE, action=[0.1, 0.0], sent_ns=clock.ns)
    anna.send(Do.MOVE, action=[0.0, 0.05], sent_ns=clock.ns + 1)
    clock.ns += 2
    said = poll(channel)
    assert isinstance(said, Take)
    np.testing.assert_allclose(said.action, [0.0, 0.05])
    assert said.acted_ns == clock.ns - 1
    assert channel.driver == ANNA


def test_a_bounded_move_lasts_its_steps_and_then_the_arm_is_held(channel, anna):
    anna.send(Do.MOVE, action=[0.1, 0.0], steps=2)
    moves = [poll(channel).action.tolist() for _ in range(4)]
    np.testing.assert_allclose(moves, [[0.1, 0], [0.1, 0], [0, 0], [0, 0]])
    anna.send(Do.LET_GO)
    assert poll(channel) == NoObjection()
    assert channel.driver == ANNA, "the policy acts, the controls are still hers"


def test_silence_gives_the_controls_back(channel, anna, clock):
    anna.send(Do.MOVE, action=[0.1, 0.0], sent_ns=clock.ns)
    clock.ns += 249_000_000
    assert isinstance(poll(channel), Take)
    anna.send(Do.ALIVE, sent_ns=clock.ns)
    clock.ns += 249_000_000
    assert isinstance(poll(channel), Take)
    clock.ns += 2_000_000
    assert poll(channel) == NoObjection()
    assert channel.driver is None
    assert told(anna) == ["lost"]


def test_what_was_said_long_ago_does_not_break_the_silence(channel, anna, clock):
    """A run that was busy for a while finds old lines in its socket."""
    anna.send(Do.MOVE, action=[0.1, 0.0], sent_ns=clock.ns + 100)
    clock.ns += 300_000_000
    assert poll(channel) == NoObjection()
    assert channel.driver is None


def test_a_time_from_the_future_counts_as_now(channel, anna, clock):
    anna.send(Do.ALIVE, sent_ns=clock.ns + 10**12)
    poll(channel)
    clock.ns += 251_000_000
    poll(channel)
    assert channel.driver is None


def test_a_lost_connection_gives_the_controls_back(channel, anna):
    anna.send(Do.MOVE, action=[0.1, 0.0])
    poll(channel)
    anna.close()
    assert poll(channel) == NoObjection()
    assert channel.driver is None


def test_a_pause_outlives_whoever_asked_for_it_and_a_mark_does_not(channel, anna):
    anna.send(Do.MARK, success=True)
    anna.send(Do.PAUSE)
    anna.send(Do.RELEASE)
    assert poll(channel) == Pause()
    assert poll(channel) == NoObjection()


def test_what_must_not_be_lost_comes_one_by_one_in_order(channel, anna):
    for do in (Do.PAUSE, Do.RESUME, Do.DISCARD):
        anna.send(do)
    anna.send(Do.MARK, success=True)
    said = [poll(channel) for _ in range(5)]
    assert said == [Pause(), Resume(), Discard(), Mark(True), NoObjection()]


# --- who holds the controls -----------------------------------------------------------------------


def test_a_second_person_is_refused_and_told_who_holds_them(channel, anna, connect):
    ben = connect(BEN)
    ben.send(Do.TAKE)
    ben.send(Do.MOVE, action=[0.1, 0.1])
    poll(channel, 2)
    events = ben.receive_all()
    assert [event["is"] for event in events] == ["welcome", "refused", "refused"]
    assert "anna (keyboard)" in events[1]["reason"]
    assert channel.driver == ANNA
    assert poll(channel) == NoObjection()


def test_an_explicit_take_over_is_told_to_whoever_loses_the_controls(channel, anna, connect):
    anna.send(Do.MOVE, action=[0.1, 0.0])
    ben = connect(BEN)
    ben.send(Do.TAKE, over=True)
    poll(channel, 2)
    assert channel.driver == BEN
    assert "taken" in told(ben)
    (lost,) = anna.receive_all()
    assert (lost["is"], lost["reason"]) == ("lost", "ben (web) took over")
    assert poll(channel) == NoObjection(), "what anna asked for is over"


def test_one_connection_may_speak_for_several_people(channel, connect):
    server = connect(Driver("server", "web"))
    server.send(Do.TAKE, driver=BEN)
    server.send(Do.MOVE, action=[0.1, 0.0], driver=Driver("eve", "web"))
    poll(channel, 2)
    assert channel.driver == BEN
    events = server.receive_all()
    assert [(e["is"], e.get("person")) for e in events[1:]] == [
        ("taken", "ben"),
        ("refused", "eve"),
    ]


def test_anybody_may_stop_the_arm_and_nothing_said_before_counts_any_more(channel, anna, connect):
    anna.send(Do.PAUSE)
    anna.send(Do.MOVE, action=[0.1, 0.0])
    viewer = connect(BEN)
    viewer.send(Do.STOP)
    said = [poll(channel) for _ in range(4)]
    assert said.count(StopRequest(BEN)) == 1
    assert said[-1] == NoObjection()
    assert channel.driver == ANNA


def test_between_steps_it_still_notices_who_comes(channel, connect, clock):
    assert not channel.attended()
    client = connect()
    assert not channel.attended(), "somebody who only looks"
    client.send(Do.TAKE, sent_ns=clock.ns)
    channel.attended()
    assert channel.attended()
    client.send(Do.RELEASE, sent_ns=clock.ns)
    assert not channel.attended()
    client.send(Do.STOP, sent_ns=clock.ns)
    assert channel.attended()
    assert isinstance(poll(channel), StopRequest)


def test_a_stop_comes_before_everything_else(channel, anna):
    anna.send(Do.PAUSE)
    anna.send(Do.STOP)
    assert poll(channel) == StopRequest(ANNA)
    assert poll(channel) == NoObjection()


def test_everybody_is_told_at_once_that_a_stop_was_heard(channel, anna, connect):
    viewer = connect(BEN)
    poll(channel, 2)
    assert told(viewer) == ["welcome"]
    viewer.send(Do.STOP)
    poll(channel)
    assert told(anna) == told(viewer) == ["stopping"]


# --- those who watch ------------------------------------------------------------------------------

STATE = LiveState(
    time_ns=5,
    phase="training",
    episode_id="e000001",
    step=3,
    mode="autonomous",
    holder=None,
    policy_version=4,
    joint_rad=(0.1, float("nan")),
    tool_m=(0.0, 0.0, 0.0),
    gripper=None,
    observation=(1.0,),
    scene=(2.0, 3.0),
)


def test_everybody_sees_the_state_once_a_period(channel, anna, connect, clock):
    viewer = connect(BEN)
    poll(channel)
    assert channel.wants_state()
    channel.show(STATE)
    assert not channel.wants_state()
    clock.ns += int(SPEC.period_s * 1e9)
    assert channel.wants_state()
    for client in (anna, viewer):
        state = client.receive_all()[-1]
        assert (state["is"], state["episode_id"], state["scene"]) == ("state", "e000001", [2, 3])
        assert state["joint_rad"] == [0.1, None]


def test_one_who_does_not_read_holds_nobody_up_and_still_hears_what_matters(
    channel, anna, connect, clock
):
    wide = LiveState(
        **{name: getattr(STATE, name) for name in STATE.__slots__}
        | {"scene": (0.123456789,) * 4_000}
    )
    for _ in range(200):
        clock.ns += 1_000_000
        channel.show(wide)
        anna.send(Do.ALIVE, sent_ns=clock.ns)
        poll(channel)
    anna.send(Do.RELEASE)
    heard = []
    for _ in range(50):
        poll(channel)
        heard += told(anna)
    assert heard[-1] == "lost"
    assert 0 < heard.count("state") < 200


# --- the socket -----------------------------------------------------------------------------------


def test_only_its_owner_may_open_it(channel, tmp_path):
    mode = os.stat(tmp_path / SOCKET).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_closing_removes_it_and_hangs_up(channel, anna, tmp_path):
    channel.close()
    channel.close()
    assert not (tmp_path / SOCKET).exists()
    with pytest.raises(DataError, match="hung up"):
        anna.receive(1.0)


def test_a_stale_socket_of_a_killed_run_is_cleared_away(tmp_path):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / SOCKET))
    dead.close()
    ControlChannel(tmp_path, SPEC).close()
    assert not (tmp_path / SOCKET).exists()


def test_a_second_process_on_the_same_run_is_refused_and_leaves_the_first_its_socket(
    channel, tmp_path
):
    with pytest.raises(DataError, match="another process already"):
        ControlChannel(tmp_path, SPEC)
    assert (tmp_path / SOCKET).exists()


def test_the_path_of_a_run_may_be_long(tmp_path):
    deep = tmp_path / ("a" * 100) / ("b" * 100)
    deep.mkdir(parents=True)
    channel = ControlChannel(deep, SPEC)
    with ControlClient(deep, ANNA) as client:
        poll(channel)
        assert client.receive(1.0)["is"] == "welcome"
    channel.close()


def test_where_open_folders_have_no_names_as_on_macos_a_short_path_does(tmp_path, monkeypatch):
    monkeypatch.setattr(control_socket, "DESCRIPTORS", tmp_path / "no such thing")
    with tempfile.TemporaryDirectory(prefix="rf") as short:
        channel = ControlChannel(Path(short), SPEC)
        assert (Path(short) / SOCKET).stat().st_mode & 0o777 == 0o600
        with ControlClient(Path(short), ANNA) as client:
            poll(channel)
            assert client.receive(1.0)["is"] == "welcome"
        channel.close()
    deep = tmp_path / ("a" * 100)
    deep.mkdir()
    with pytest.raises(DataError, match=r"path too long.*use another --out"):
        ControlChannel(deep, SPEC)
    with pytest.raises(DataError, match="path too long"):
        ControlClient(deep, ANNA)


def test_where_nothing_runs_the_client_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"no process runs .*robofeed train"):
        ControlClient(tmp_path, ANNA)


# --- what is no command ---------------------------------------------------------------------------


def test_a_wrong_command_is_answered_and_the_controls_stay_whose_they_are(channel, anna, tmp_path):
    anna.send(Do.MOVE, action=[0.1])
    poll(channel)
    (answer,) = anna.receive_all()
    assert (answer["is"], channel.driver) == ("error", ANNA)
    assert "1 elements where this run has 2" in answer["reason"]


def test_a_line_without_end_is_cut_off(channel, tmp_path):
    with socket.socket(socket.AF_UNIX) as rude, socket_path(tmp_path) as path:
        rude.connect(path)
        rude.settimeout(1.0)
        sent = 0
        while sent <= LONGEST_LINE:
            sent += rude.send(b"x" * 30_000)
            poll(channel, 2)
        received = b""
        while data := rude.recv(65_536):
            received += data
    events = [decode_event(line) for line in received.splitlines()]
    assert [event["is"] for event in events] == ["welcome", "error"]
