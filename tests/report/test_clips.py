import io
import re
from base64 import b64decode
from dataclasses import replace

import av
import numpy as np
import pytest

from robofeed import event_log
from robofeed.events import Evaluated
from robofeed.report.clips import HEIGHT, WIDTH, Camera, moments
from robofeed.report.video import jpeg_of_frame, write_mp4
from robofeed.report.writer import write_report


def paint(scene, height, width):
    """A quick stand-in for a renderer: brightness tells the tool's place."""
    level = int(np.clip(128 + 200 * scene[0], 0, 255))
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def run(make_run):
    return make_run("filmed", steps=2000, evaluations=5, stored=1, episode_length=10)


def videos(run_dir):
    page = (run_dir / "report.html").read_text()
    return [b64decode(found) for found in re.findall(r"data:video/mp4;base64,([^\"]+)", page)]


def test_three_films_play_everywhere(run):
    write_report(run, Camera(paint, period_s=0.04))
    films = videos(run)
    assert len(films) == 3
    for film in films:
        assert film.index(b"moov") < film.index(b"mdat"), "the index must come first"
        with av.open(io.BytesIO(film)) as container:
            (stream,) = container.streams.video
            assert stream.codec_context.name == "h264"
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert (stream.height, stream.width) == (HEIGHT, WIDTH)
            assert stream.average_rate == 25
            # Three episodes of 10 steps: 11 pictures each and 0.4 s of pause.
            assert sum(1 for _ in container.decode(video=0)) == 3 * (11 + 10)
    page = (run / "report.html").read_text()
    assert page.count("<video") == 3
    for attribute in ("autoplay", "loop", "muted", "playsinline", 'poster="data:image/jpeg'):
        assert page.count(attribute) >= 3


def test_films_show_the_stored_scenes(run):
    seen = []
    write_report(run, Camera(lambda scene, *size: seen.append(scene) or paint(scene, *size)))
    from robofeed.data.store import EpisodeStore

    wanted = EpisodeStore(run).read("v000000").scene
    np.testing.assert_array_equal(np.stack(seen[: len(wanted)]), wanted)


def test_films_in_the_folder_are_kept_and_need_no_camera(run):
    write_report(run, Camera(paint))
    first = videos(run)
    assert len(list((run / "clips").glob("*.mp4"))) == 3
    write_report(run)
    assert videos(run) == first


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda run: None, "no renderer was given"),
        (lambda run: (run / "episodes" / "v000000.parquet").unlink(), "no episode of v000000"),
    ],
)
def test_a_film_that_cannot_be_made_is_said(run, spoil, said):
    camera = Camera(None) if "renderer" in said else Camera(paint)
    spoil(run)
    page = write_report(run, camera).read_text()
    assert page.count("<video") < 3
    assert said in page


def test_a_renderer_that_raises_costs_the_film_only(run):
    from robofeed.data.errors import HardwareError

    def broken(scene, height, width):
        raise HardwareError("no display")

    page = write_report(run, Camera(broken)).read_text()
    assert page.count("the clip could not be made: no display") == 3
    assert list((run / "clips").iterdir()) == []


def test_episodes_without_scenes_are_said(make_run):
    run = make_run("blind", steps=1000, evaluations=3, stored=1, scenes=False)
    assert "was stored without scenes" in write_report(run, Camera(paint)).read_text()


def test_the_middle_is_the_evaluation_nearest_to_half_of_the_steps(run):
    evaluations = [e for e in event_log.read_events(run) if isinstance(e, Evaluated)]
    start, middle, end = (event for _, event in moments(evaluations))
    assert (start.steps, middle.steps, end.steps) == (0, 1000, 2000)
    assert end.moment == "final"
    unkept = [e if e.steps != 1000 else replace(e, episode_ids=()) for e in evaluations]
    assert moments(unkept)[1][1].steps in (500, 1500)
    assert [event for _, event in moments(evaluations[:1])] == [evaluations[0], None, None]
    assert moments([]) == [("Start", None), ("Middle", None), ("End", None)]


def test_odd_sizes_lose_a_row_or_column(tmp_path):
    path = tmp_path / "odd.mp4"
    write_mp4(path, [np.full((33, 41, 3), 90, np.uint8)] * 3, 25.0)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert (frame.height, frame.width) == (32, 40)
    assert abs(frame.to_ndarray(format="rgb24").mean() - 90) < 3


def test_a_poster_is_a_jpeg_of_that_moment(tmp_path):
    path = tmp_path / "fading.mp4"
    write_mp4(path, [np.full((32, 32, 3), 20 * level, np.uint8) for level in range(10)], 25.0)
    for place, level in ((2, 40), (9, 180), (99, 180)):
        picture = jpeg_of_frame(path, place)
        assert picture.startswith(b"\xff\xd8\xff")
        with av.open(io.BytesIO(picture), format="jpeg_pipe") as container:
            mean = next(container.decode(video=0)).to_ndarray(format="rgb24").mean()
        assert abs(mean - level) < 6


def test_a_video_of_nothing_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="no pictures"):
        write_mp4(tmp_path / "none.mp4", [], 25.0)
    assert list(tmp_path.iterdir()) == []
