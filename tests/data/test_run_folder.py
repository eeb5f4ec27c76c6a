"""A run's folder: made, opened, refused and listed."""

from datetime import datetime

import pytest

from robofeed.data.errors import DataError
from robofeed.data.run_folder import create_run_folder, open_run_folder

NOW = datetime(2026, 11, 23, 1, 15)


def make_run(out, name):
    folder = create_run_folder(out, name)
    folder.config_path.write_text("")
    folder.write_about({"name": name, "status": "running"})
    return folder


def test_a_new_run_is_named_after_title_time_and_seed_and_never_shares_a_folder(tmp_path):
    made = [
        create_run_folder(tmp_path / "runs", title="my files/reach", seed=3, now=NOW).name
        for _ in range(3)
    ]
    first = "my-files-reach-20261123-0115-seed3"
    assert made == [first, f"{first}-2", f"{first}-3"]


def test_a_named_folder_may_be_empty_but_not_used(tmp_path):
    (tmp_path / "mine").mkdir()
    folder = create_run_folder(tmp_path, "mine")
    folder.write_about({})
    with pytest.raises(DataError, match=r"mine holds run\.json already.*robofeed resume"):
        create_run_folder(tmp_path, "mine")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file is a file"):
        create_run_folder(tmp_path, "file")


@pytest.mark.parametrize("name", ["../out", "a/b", "/tmp/x", "..", ".", ".hidden"])
def test_a_name_cannot_lead_elsewhere(tmp_path, name):
    with pytest.raises(DataError, match="is no name for a run"):
        create_run_folder(tmp_path, name)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(DataError, match=r"cannot make .*runs/mine|is a file"):
        create_run_folder(tmp_path / "runs", "mine")


def test_a_folder_that_is_not_a_run_is_refused_with_what_was_expected(tmp_path):
    with pytest.raises(DataError, match=r"nowhere is not a run: it is not a folder"):
        open_run_folder(tmp_path / "nowhere")
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=r"photos is not a run: it has no run\.json and no config"):
        open_run_folder(tmp_path / "photos")
    folder = make_run(tmp_path, "mine")
    folder.config_path.unlink()
    with pytest.raises(DataError, match=r"it has no config\.toml"):
        open_run_folder(folder.path)


@pytest.mark.parametrize("damaged", ["{", "[]", ""])
def test_a_damaged_run_json_is_refused_by_name(tmp_path, damaged):
    folder = make_run(tmp_path, "mine")
    (folder.path / "run.json").write_text(damaged)
    with pytest.raises(DataError, match=r"mine/run\.json"):
        open_run_folder(folder.path)


def test_run_json_is_replaced_whole_and_keeps_what_is_not_changed(tmp_path):
    folder = make_run(tmp_path, "mine")
    folder.update_about(status="finished")
    again = open_run_folder(folder.path)
    assert again.about() == {"name": "mine", "status": "finished"}
    assert sorted(entry.name for entry in folder.path.iterdir()) == ["config.toml", "run.json"]


def test_a_full_disk_leaves_the_old_run_json(tmp_path, monkeypatch):
    folder = make_run(tmp_path, "mine")

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(DataError, match=r"cannot write .*run\.json: No space left on device"):
        folder.update_about(status="finished")
    assert folder.about()["status"] == "running"
    assert len(list(folder.path.iterdir())) == 2
