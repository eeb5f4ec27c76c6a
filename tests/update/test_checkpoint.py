"""A checkpoint is read back whole or refused by name; the newest good one is found."""

import json
import pickle
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robofeed.data.errors import DataError
from robofeed.update import checkpoint
from robofeed.update.checkpoint import load_checkpoint, load_latest, save_checkpoint


def parts(step):
    rng = np.random.default_rng(step)
    return {
        "learner": {
            "actor": rng.normal(size=40).astype(np.float32),
            "replay.prior": np.zeros((0, 12), np.float32),
            "sampler": rng.integers(0, 255, 30).astype(np.uint8),
            "counters": np.array([step, 2], np.int64),
            "step": np.array(3.0, np.float32),
            "fortran": np.asfortranarray(rng.normal(size=(3, 4))),
        },
        "reward": {"parameters": rng.normal(size=10).astype(np.float32)},
    }


META = {"progress": {"steps": 5}, "name": "run", "none": None, "list": [1, 2.5, "x"]}


def same(first, second):
    return first.keys() == second.keys() and all(
        first[part].keys() == second[part].keys()
        and all(
            first[part][name].tobytes() == np.ascontiguousarray(second[part][name]).tobytes()
            and first[part][name].dtype == second[part][name].dtype
            and first[part][name].shape == second[part][name].shape
            for name in first[part]
        )
        for part in first
    )


def steps_in(folder):
    return sorted(int(path.name[5:]) for path in folder.glob("step_*"))


def test_what_was_saved_comes_back(tmp_path):
    path = save_checkpoint(tmp_path, 7, parts(7), META)
    assert path == tmp_path / "step_000000007"
    for loaded in (load_checkpoint(path), load_latest(tmp_path)):
        assert loaded.path == path and loaded.step == 7 and loaded.skipped == ()
        assert loaded.meta == META
        assert same(loaded.parts, parts(7))


def test_there_may_be_none(tmp_path):
    assert load_latest(tmp_path) is None
    assert load_latest(tmp_path / "missing") is None
    with pytest.raises(DataError, match="step_000000001"):
        load_checkpoint(tmp_path / "step_000000001")


def test_the_last_three_and_the_best_are_kept(tmp_path):
    best = "step_000000001"
    for step in range(7):
        save_checkpoint(tmp_path, step, parts(step), {}, best=best if step else None)
    assert steps_in(tmp_path) == [1, 4, 5, 6]
    assert load_latest(tmp_path).best == best
    save_checkpoint(tmp_path, 7, parts(7), {}, best="step_000000005")
    assert steps_in(tmp_path) == [5, 6, 7]
    save_checkpoint(tmp_path, 8, parts(8), {}, best="step_000000008")
    assert steps_in(tmp_path) == [6, 7, 8]
    assert load_latest(tmp_path).best == "step_000000008"


def test_some_parts_can_be_read_alone(tmp_path):
    path = save_checkpoint(tmp_path, 1, parts(1), META)
    (path / "learner.safetensors").write_bytes(b"damaged")
    found = load_checkpoint(path, only=("reward", "none of it"))
    assert same(found.parts, {"reward": parts(1)["reward"]})
    with pytest.raises(DataError, match="SHA-256"):
        load_checkpoint(path, only=("learner",))


def test_the_same_step_again_replaces(tmp_path):
    save_checkpoint(tmp_path, 4, parts(1), {})
    save_checkpoint(tmp_path, 4, parts(2), {})
    assert same(load_latest(tmp_path).parts, parts(2))
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000004"]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return save_checkpoint(tmp_path_factory.mktemp("good"), 3, parts(3), META)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_or_cut_is_refused_by_name(good, tmp_path, data):
    copy = tmp_path / good.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(good, copy)
    victim = data.draw(st.sampled_from(sorted(copy.iterdir())))
    content = bytearray(victim.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["flip", "newline", "cut", "grow", "remove"])):
        case "flip":
            content[place] ^= data.draw(st.integers(1, 255))
        case "newline":
            # reading as text could take one for the other
            place = content.find(b"\n", place)
            if place < 0:
                return
            content[place] = ord("\r")
        case "cut":
            del content[place:]
        case "grow":
            content[place:place] = data.draw(st.binary(min_size=1, max_size=5))
        case "remove":
            victim.unlink()
    if victim.exists():
        victim.write_bytes(content)
    with pytest.raises(DataError, match=good.name):
        load_checkpoint(copy)


@pytest.mark.parametrize("where", ["beside", "instead", "listed"])
def test_a_pickle_is_refused_and_never_read(good, tmp_path, where):
    copy = shutil.copytree(good, tmp_path / good.name)
    pickled = pickle.dumps(Bomb())
    if where == "beside":
        (copy / "optimizer.pkl").write_bytes(pickled)
    elif where == "instead":
        (copy / "learner.safetensors").write_bytes(pickled)
    else:
        (copy / "learner.safetensors").write_bytes(pickled)
        forge(copy, learner=pickled)
    with pytest.raises(DataError, match=r"step_000000003: (optimizer\.pkl|learner\.safetensors)"):
        load_checkpoint(copy)
    assert Bomb.exploded == 0


class Bomb:
    exploded = 0

    def __reduce__(self):
        return (exec, ("from __main__ import Bomb; Bomb.exploded = 1",))


def forge(folder, learner=None, **changes):
    """Seal a changed manifest, as someone would who knows the format."""
    text = (folder / "manifest.json").read_bytes().rsplit(b"\n", 2)[0]
    manifest = json.loads(text) | changes
    if learner is not None:
        manifest["files"]["learner.safetensors"]["sha256"] = checkpoint.hashlib.sha256(
            learner
        ).hexdigest()
    sealed = json.dumps(manifest, indent=1, sort_keys=True).encode()
    seal = checkpoint.hashlib.sha256(sealed).hexdigest().encode()
    (folder / "manifest.json").write_bytes(sealed + b"\n" + seal + b"\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "another-program"},
        {"version": 99},
        {"files": {"../learner.safetensors": {"sha256": "0", "bytes": 0}}},
        {"files": {"learner.pt": {"sha256": "0", "bytes": 0}}},
        {"files": ["learner.safetensors"]},
        {"step": "three"},
        {"meta": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_foreign_manifest_is_refused_by_name(good, tmp_path, changes):
    copy = shutil.copytree(good, tmp_path / good.name)
    forge(copy, **changes)
    with pytest.raises(DataError, match=good.name):
        load_checkpoint(copy)


def test_a_link_out_of_the_folder_is_refused(good, tmp_path):
    copy = shutil.copytree(good, tmp_path / good.name)
    (copy / "learner.safetensors").unlink()
    (copy / "learner.safetensors").symlink_to(good / "learner.safetensors")
    with pytest.raises(DataError, match=r"learner\.safetensors is no part"):
        load_checkpoint(copy)


def test_damaged_ones_are_passed_over_and_named(tmp_path):
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, parts(step), {})
    (tmp_path / "step_000000003" / "learner.safetensors").write_bytes(b"")
    (tmp_path / "step_000000002" / "manifest.json").unlink()
    found = load_latest(tmp_path)
    assert found.step == 1 and same(found.parts, parts(1))
    assert "step_000000003" in found.skipped[0] and "SHA-256" in found.skipped[0]
    assert "step_000000002" in found.skipped[1] and "manifest.json" in found.skipped[1]
    (tmp_path / "step_000000001" / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match=r"can be used.*step_000000003.*step_000000001"):
        load_latest(tmp_path)


@pytest.mark.parametrize("moment", range(12))
def test_whatever_moment_writing_ends_at_the_last_good_one_is_there(tmp_path, monkeypatch, moment):
    """The process dies at its n-th call that changes the disk."""
    save_checkpoint(tmp_path, 1, parts(1), META)
    calls = 0

    class Killed(BaseException):
        pass

    def counted(function):
        def call(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls > moment:
                raise Killed
            return function(*arguments, **named)

        return call

    monkeypatch.setattr(checkpoint.os, "fsync", counted(checkpoint.os.fsync))
    monkeypatch.setattr(checkpoint, "_write", counted(checkpoint._write))
    monkeypatch.setattr(checkpoint.Path, "rename", counted(checkpoint.Path.rename))
    monkeypatch.setattr(checkpoint.shutil, "rmtree", counted(checkpoint.shutil.rmtree))
    try:
        save_checkpoint(tmp_path, 2, parts(2), META)
        finished = True
    except Killed:
        finished = False
    monkeypatch.undo()
    found = load_latest(tmp_path)
    assert found.skipped == ()
    assert same(found.parts, parts(found.step))
    assert found.step == 2 if finished else found.step in (1, 2)
    # and the next one cleans up
    save_checkpoint(tmp_path, 3, parts(3), META)
    assert not list(tmp_path.glob(".*"))
    assert load_latest(tmp_path).step == 3


def test_a_full_disk_leaves_earlier_checkpoints_alone(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, parts(1), META)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(DataError, match=r"step_000000002: No space left on device"):
        save_checkpoint(tmp_path, 2, parts(2), META)
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000001"]
    assert load_latest(tmp_path).step == 1


def test_files_are_on_disk_before_the_manifest_and_the_manifest_before_the_name(
    tmp_path, monkeypatch
):
    order = []
    write, rename, sync = checkpoint._write, checkpoint.Path.rename, checkpoint._sync
    monkeypatch.setattr(
        checkpoint, "_write", lambda path, data: (order.append(path.name), write(path, data))
    )
    monkeypatch.setattr(
        checkpoint.Path,
        "rename",
        lambda self, to: (order.append(f"rename {to.name}"), rename(self, to)),
    )
    monkeypatch.setattr(
        checkpoint, "_sync", lambda folder: (order.append(f"sync {folder.name}"), sync(folder))
    )
    save_checkpoint(tmp_path, 1, parts(1), META)
    assert order == [
        "learner.safetensors",
        "reward.safetensors",
        "manifest.json",
        "sync .step_000000001.writing",
        "rename step_000000001",
        f"sync {tmp_path.name}",
    ]
