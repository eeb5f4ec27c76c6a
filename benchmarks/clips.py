"""What the clips of a question cost: processor time to draw and to encode two clips of 50 steps.

For each arm, 320 x 240 px, the median of several questions, in a process that has its libraries
loaded. Processor time is counted, so that other programs on the machine disturb it less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from robofeed.data.episode import Episode, Segment
from robofeed.data.observation import Ended
from robofeed.data.store import EpisodeStore
from robofeed.feedback.clip_encoding import decode_mp4
from robofeed.feedback.clips import Camera, ClipLook, ClipStore
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig

STEPS, CLIPS = 50, 2


def film(store: EpisodeStore, backend: PybulletBackend, episode_id: str, seed: int) -> Segment:
    """Store an episode of the arm's expert with its scenes."""
    backend.reset(seed)
    scenes = [backend.scene()]
    for _ in range(STEPS):
        backend.send(backend.plan(backend.expert_action()))
        scenes.append(backend.scene())
    nothing = np.zeros((STEPS, 0))
    store.write(
        Episode(
            id=episode_id,
            observations=np.zeros((STEPS + 1, 0)),
            time_ns=np.arange(STEPS + 1),
            proposed=nothing,
            executed=nothing,
            gates=np.zeros(STEPS),
            mode=np.zeros(STEPS),
            policy_version=np.zeros(STEPS),
            scene=np.stack(scenes),
            ended=Ended.TRUNCATED,
            seed=seed,
            spec_hash="",
        )
    )
    return Segment(episode_id, 0, STEPS)


def measure(arm: str, questions: int) -> dict[str, float]:
    """Seconds of processor time a question."""
    backend = PybulletBackend(PybulletConfig(arm=arm, task="reach"))
    backend.open()
    whole, drawing = [], []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        run_dir = Path(folder)
        store = EpisodeStore(run_dir)
        clips = ClipStore(run_dir, Camera(backend.render, backend.spec.period_s), ClipLook())
        for number in range(questions + 1):
            segments = [film(store, backend, f"e{number}-{clip}", clip) for clip in range(CLIPS)]
            began_s = time.process_time()
            made = [clips.clip(segment) for segment in segments]
            whole.append(time.process_time() - began_s)
            assert all(len(decode_mp4(clip.path)) == clip.frames == STEPS for clip in made)
            for path in (run_dir / "clips").iterdir():
                path.unlink()
            began_s = time.process_time()
            for segment in segments:
                clips.pictures(segment)
            drawing.append(time.process_time() - began_s)
    backend.close()
    # The first one loads libraries.
    return {
        "cpu_s_a_question": round(statistics.median(whole[1:]), 3),
        "of_it_drawing": round(statistics.median(drawing[1:]), 3),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")
    parser.add_argument("--questions", type=int, default=5)
    parser.add_argument("--arms", nargs="*", default=["so101", "panda"])
    options = parser.parse_args()
    print(json.dumps({arm: measure(arm, options.questions) for arm in options.arms}, indent=2))


if __name__ == "__main__":
    main()
