import csv
import io
import json
import re

import numpy as np
import pytest

from robofeed.cli import run as robofeed
from robofeed.data.errors import DataError
from robofeed.report.comparison import compare_runs
from robofeed.report.comparison_page import comparison_csv, comparison_html, comparison_json


@pytest.fixture
def runs(make_run):
    """Two seeds of one configuration and one run of another."""
    small = {"steps": 2000, "evaluations": 4, "stored": 1, "rankings": 1}
    return [
        make_run("a0", seed=0, final_rate=0.90, **small),
        make_run("b0", seed=0, budget=200, final_rate=0.5, **small),
        make_run("a1", seed=1, final_rate=0.98, **small),
    ]


def compared(runs, seed=0):
    return compare_runs(runs, np.random.default_rng(seed))


def test_runs_that_differ_in_the_seed_alone_form_a_group(runs):
    first, second = compared(runs).groups
    assert [run.name for run in first.runs] == ["a0", "a1"]
    assert [run.name for run in second.runs] == ["b0"]
    assert (first.label, second.label) == ("answer_budget=500", "answer_budget=200")
    assert first.interquartile_mean == pytest.approx(0.94)
    assert first.median == pytest.approx(0.94)
    assert first.interval == pytest.approx((0.90, 0.98))
    assert second.interval is None, "one run says nothing of others"


def test_settings_of_providers_that_are_not_used_do_not_part_runs(runs):
    config = runs[2] / "config.toml"
    config.write_text(config.read_text() + '\n[backend.feetech]\nport = "/dev/ttyACM0"\n')
    assert len(compared(runs).groups) == 2


def test_a_ground_truth_baseline_stands_apart_by_name(runs, make_run):
    truth = make_run("t0", truth=True, steps=1000, evaluations=3, stored=1)
    group = compared([*runs, truth]).groups[-1]
    assert group.learns_from_truth and "(ground-truth baseline)" in group.label


def test_one_group_is_called_after_its_task(runs):
    (group,) = compared([runs[0]]).groups
    assert group.label == "so101 reach"


def test_a_run_named_twice_counts_once(runs):
    assert len(compared([runs[0], runs[0]]).groups[0].runs) == 1


def test_unfinished_runs_are_left_out_and_named(runs, make_run):
    running = make_run("c0", finished=False, steps=1000, evaluations=3, stored=1)
    comparison = compared([*runs, running])
    assert len(comparison.groups) == 2
    assert "c0: it has no final evaluation (status: running)" in comparison.left_out[0]
    with pytest.raises(DataError, match="no run to compare has a final evaluation"):
        compared([running])


def test_a_file_among_the_folders_is_left_out(runs):
    page = runs[0].parent / "comparison.html"
    page.write_text("an earlier comparison")
    comparison = compared([*runs, page])
    assert len(comparison.groups) == 2
    assert comparison.left_out == (f"{page}: it is a file",)


def test_the_same_seed_gives_the_same_intervals(runs):
    assert compared(runs) == compared(runs)


def test_csv_has_a_line_a_run(runs):
    rows = list(csv.DictReader(io.StringIO(comparison_csv(compared(runs)))))
    assert [row["run"] for row in rows] == ["a0", "a1", "b0"]
    assert [row["answers"] for row in rows] == ["100", "100", "100"]
    assert float(rows[1]["success_rate"]) == 0.98
    assert float(rows[1]["success_iqm"]) == pytest.approx(0.94)
    assert rows[2]["success_iqm_low_95"] == ""


def test_json_says_the_same(runs):
    values = json.loads(json.dumps(comparison_json(compared(runs)), allow_nan=False))
    assert [group["runs"] for group in values["groups"]] == [2, 1]
    assert values["groups"][0]["per_run"][1]["success_rate"] == 0.98


def test_the_page_loads_nothing_and_shows_every_run(runs):
    page = comparison_html(compared(runs), np.random.default_rng(0))
    sources = re.findall(r'(?:src|href|poster)="([^"]*)"', page)
    assert sources and all(source.startswith("#") for source in sources)
    assert "default-src 'none'" in page and "<script" not in page
    assert page.count("<svg") == 4
    for name in ("a0", "a1", "b0", "answer_budget=200", "94.0 %", "one run"):
        assert name in page


def test_the_verb_prints_a_table_and_the_path_last(runs, tmp_path, capsys):
    table = tmp_path / "runs.csv"
    assert robofeed(["compare", *map(str, runs), "--csv", str(table)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"comparison: {runs[0].parent / 'comparison.html'}"
    assert (runs[0].parent / "comparison.html").is_file()
    assert any("answer_budget=500" in line and "94.0 %" in line for line in lines)
    assert len(table.read_text().splitlines()) == 4


def test_the_verb_prints_json_alone_on_request(runs, capsys):
    assert robofeed(["compare", *map(str, runs), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["groups"]) == 2
    assert not (runs[0].parent / "comparison.html").exists()


def test_no_run_folder_is_a_data_error(tmp_path, capsys):
    assert robofeed(["compare", str(tmp_path)]) == 4
    assert "is no run folder" in capsys.readouterr().err
