"""What counts as a new picture, and what is said of a camera that sees nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.observe.picture_watch import PictureWatch, shows_nothing

PERIOD_NS = 33_000_000


def scene(rng: np.random.Generator, noise: float = 2.0) -> np.ndarray:
    """A dark arm before a light table, as a sensor sees it."""
    picture = np.full((120, 160, 3), 170.0)
    picture[40:90, 60:75] = 40
    return (picture + rng.normal(0, noise, picture.shape)).clip(0, 255).astype(np.uint8)


def plain(rng: np.random.Generator, level: float, noise: float = 2.0) -> np.ndarray:
    picture = level + rng.normal(0, noise, (120, 160, 3))
    return picture.clip(0, 255).astype(np.uint8)


def test_each_picture_of_a_still_scene_is_news_because_sensors_have_noise() -> None:
    rng, watch = np.random.default_rng(0), PictureWatch(3.0)
    assert all(watch.is_news(scene(rng), number * PERIOD_NS) for number in range(200))
    assert watch.trouble == ""


def test_a_frozen_camera_is_no_news_at_once_and_named_after_a_while() -> None:
    rng, watch = np.random.default_rng(0), PictureWatch(3.0)
    picture = scene(rng)
    assert watch.is_news(picture, 0)
    said = {}
    for number in range(1, 150):
        assert not watch.is_news(picture, number * PERIOD_NS)
        said[number * PERIOD_NS] = watch.trouble
    first = min(time_ns for time_ns, trouble in said.items() if trouble)
    assert 3.0 <= first / 1e9 < 3.1 and "frozen" in said[first]
    assert watch.is_news(scene(rng), 150 * PERIOD_NS) and watch.trouble == ""


def test_streams_without_noise_may_stand_still() -> None:
    watch = PictureWatch(0.0)
    picture = scene(np.random.default_rng(0))
    assert all(watch.is_news(picture, number * PERIOD_NS) for number in range(200))
    assert watch.trouble == ""


@given(level=st.floats(0, 255), noise=st.floats(0, 4), seed=st.integers(0, 1000))
def test_a_picture_of_one_colour_shows_nothing(level: float, noise: float, seed: int) -> None:
    assert shows_nothing(plain(np.random.default_rng(seed), level, noise))


@given(noise=st.floats(0, 20), seed=st.integers(0, 1000), share=st.floats(0.2, 1.0))
def test_an_arm_before_a_table_is_something(noise: float, seed: int, share: float) -> None:
    picture = scene(np.random.default_rng(seed), noise) * share
    assert shows_nothing(picture.astype(np.uint8)) == ""


@pytest.mark.parametrize(("level", "said"), [(3, "dark"), (200, "covered or blinded")])
def test_a_blind_camera_is_given_half_a_second(level: float, said: str) -> None:
    rng, watch = np.random.default_rng(0), PictureWatch(3.0)
    assert watch.is_news(scene(rng), 0)
    troubles = []
    for number in range(1, 40):
        assert not watch.is_news(plain(rng, level), number * PERIOD_NS)
        troubles.append(watch.trouble)
    assert troubles[10] == "" and said in troubles[-1]
    assert watch.is_news(scene(rng), 40 * PERIOD_NS) and watch.trouble == ""
