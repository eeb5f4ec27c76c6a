import io
from base64 import b64decode
from dataclasses import replace

import av
import numpy as np
import pytest

from robofeed import event_log
from robofeed.data.episode_frames import Darkroom, EpisodeFrames
from robofeed.data.film_roll import Photograph
from robofeed.data.picture import as_jpeg
from robofeed.data.spec import ArraySpec, BackendSpec
from robofeed.data.store import EpisodeStore
from robofeed.events import Evaluated
from robofeed.feedback.clip_encoding import jpeg_of_frame, write_mp4
from robofeed.feedback.clips import Camera
from robofeed.report.clips import HEIGHT, WIDTH, Studio, moments
from robofeed.report.run_record import read_run
from robofeed.report.writer import write_report


def paint(scene, height, width):
    """A quick stand-in for a renderer: brightness tells the tool's place."""
    level = int(np.clip(128 + 200 * scene[0], 0, 255))
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def run(make_run):
    return make_run("filmed", steps=2000, evaluations=5, stored=1, episode_length=10)


def films(run_dir, camera):
    return Studio(EpisodeStore(run_dir), camera).films(read_run(run_dir))


def videos(run_dir, camera):
    return [b64decode(film.mp4_base64) for film in films(run_dir, camera)]


def test_three_films_play_everywhere(run):
    made = videos(run, Camera(paint, period_s=0.04))
    assert len(made) == 3
    for film in made:
        assert film.index(b"moov") < film.index(b"mdat"), "the index must come first"
        with av.open(io.BytesIO(film)) as container:
            (stream,) = container.streams.video
            assert stream.codec_context.name == "h264"
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert (stream.height, stream.width) == (HEIGHT, WIDTH)
            assert stream.average_rate == 25
            # Three episodes of 10 steps: 11 pictures each and 0.4 s of pause.
            assert sum(1 for _ in container.decode(video=0)) == 3 * (11 + 10)


def test_films_play_by_themselves_in_the_page(run):
    path = write_report(run, Camera(paint))
    page = path.read_text()
    assert path.stat().st_mode & 0o044 and "by you alone" not in page
    assert page.count("<video") == page.count("data:video/mp4;base64,") == 3
    for attribute in ("autoplay", "loop", "muted", "playsinline", 'poster="data:image/jpeg'):
        assert page.count(attribute) >= 3


def test_films_show_the_stored_scenes(run):
    seen = []
    films(run, Camera(lambda scene, *size: seen.append(scene) or paint(scene, *size)))
    wanted = EpisodeStore(run).read("v000000").scene
    np.testing.assert_array_equal(np.stack(seen[: len(wanted)]), wanted)


def test_films_in_the_folder_are_kept_and_need_no_camera(run):
    first = videos(run, Camera(paint))
    assert len(list((run / "clips").glob("*.mp4"))) == 3
    assert videos(run, Camera(None)) == first


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
    start = films(run, camera)[0]
    assert said in start.missing and not start.mp4_base64


def test_a_renderer_that_raises_costs_the_film_only(run):
    from robofeed.data.errors import HardwareError

    def broken(scene, height, width):
        raise HardwareError("no display")

    for film in films(run, Camera(broken)):
        assert film.missing == "the clip could not be made: no display"
    assert list((run / "clips").iterdir()) == []


def test_episodes_without_scenes_are_said(make_run):
    run = make_run("blind", steps=1000, evaluations=3, stored=1, scenes=False)
    assert all("was stored without scenes" in film.missing for film in films(run, Camera(paint)))


def test_an_arm_with_cameras_is_shown_as_they_saw_it(make_run):
    run = make_run("real", steps=1000, evaluations=3, stored=1, scenes=False)
    store = EpisodeStore(run)
    jpeg = as_jpeg(np.full((48, 64, 3), 180, np.uint8))
    numbers = ArraySpec((1,), np.zeros(1, np.float32), np.ones(1, np.float32))

    class Filmed(Darkroom):
        def develop(self, start_ns, stop_ns):
            return EpisodeFrames({"front": (Photograph(start_ns, jpeg),)}, {})

    for name in store.ids():
        episode = store.read(name)
        (store.folder / f"{name}.parquet").unlink()
        EpisodeStore(run, Filmed(BackendSpec(numbers, numbers, 0.04))).write(episode)
    unasked = write_report(run, make_clips=False)
    assert "clips were not asked for" in unasked.read_text() and not (run / "clips").exists()
    assert unasked.stat().st_mode & 0o044
    for film in videos(run, Camera(None, 0.04, "it cannot be drawn")):
        with av.open(io.BytesIO(film)) as container:
            first = next(container.decode(video=0)).to_ndarray(format="rgb24")
        assert abs(first.mean() - 180) < 4
    # Whoever stood before the camera is in the page as well, also where its clips were there.
    page = write_report(run, make_clips=False)
    assert page.stat().st_mode & 0o777 == 0o600
    assert "as cameras saw them" in page.read_text()
    assert "can be read by you alone" in page.read_text()
    assert "simulator states" not in page.read_text()


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
