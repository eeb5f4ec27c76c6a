from __future__ import annotations

import random

import pytest

from robofeed_serial.rfp.frames import LONGEST_PAYLOAD, Frame, FrameReader


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_million_frames_none_refused_and_none_made_up(load_share: float) -> None:
    rng = random.Random(20261123)
    reader = FrameReader()
    damaged = made_up = 0
    for _ in range(round(1_000_000 * load_share)):
        payload = rng.randbytes(rng.randrange(LONGEST_PAYLOAD + 1))
        frame = Frame(rng.randrange(256), rng.randrange(256), payload)
        wire = frame.to_wire()
        if rng.random() < 0.5:
            assert list(reader.feed(wire)) == [frame]
            continue
        damaged += 1
        spoilt = bytearray(wire)
        for _ in range(rng.randrange(1, 12)):
            spoilt[rng.randrange(len(wire) - 1)] = rng.randrange(256)
        if bytes(spoilt) != wire:
            made_up += len([found for found in reader.feed(bytes(spoilt)) if found != frame])

    # A CRC of 16 bits lets one in 65536 through where the damage is any.
    assert made_up <= max(3, 4 * damaged / 65536)
