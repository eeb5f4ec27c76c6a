"""Both ends of a run's control socket, over a real one, with time in the test's hand."""

import time

import numpy as np
import pytest

from robofeed.act.control_channel import ControlChannel
from robofeed.data.control_client import ControlClient
from robofeed.data.control_messages import Do
from robofeed.data.intervention import Driver
from robofeed.data.observation import Observation
from robofeed.testing.fake_arm import FakeArm

SPEC = FakeArm().spec
ANNA = Driver("anna", "keyboard")


class HandClock:
    def __init__(self):
        self.ns = time.monotonic_ns()

    def now_ns(self):
        return self.ns


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def channel(tmp_path, clock):
    channel = ControlChannel(tmp_path, SPEC, clock.now_ns)
    yield channel
    channel.close()


@pytest.fixture
def connect(tmp_path):
    clients = []

    def make(driver=ANNA):
        clients.append(ControlClient(tmp_path, driver))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def anna(channel, connect, clock):
    """Holds the controls."""
    client = connect()
    client.send(Do.TAKE, sent_ns=clock.ns)
    for _ in range(2):
        channel.poll(Observation(0, np.zeros(4, np.float32)), np.zeros(2, np.float32))
    assert [event["is"] for event in client.receive_all()] == ["welcome", "taken"]
    return client
