"""The verbs `people` and `feedback` on a run's folder and on a database's URL."""

import csv
import json
import uuid

import pyarrow.parquet as parquet
import pytest

from robofeed.cli import run as robofeed
from robofeed.data.batch import FitReport, PersonWeight
from robofeed.data.episode import Segment
from robofeed.data.feedback import Query, Ranking, Remark, Retraction, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.people import Person, Role
from robofeed.event_log import EventLog, read_events
from robofeed.events import RewardFitted


def stamp(number, person="p1"):
    return Stamp(str(uuid.UUID(int=number)), person, "web", 10**18, 10**18 + number * 10**9)


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "reach-1"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"name": "reach-1", "status": "finished"}))
    (folder / "config.toml").write_text("")
    fill(folder / "feedback.sqlite")
    return folder


def fill(place):
    ledger = Ledger.open(place)
    clips = (Segment("e0", 0, 5), Segment("e1", 0, 5))
    ledger.add_queries([Query("q0", clips, (0, 1)), Query("q1", clips, (1, 0), "repeat")])
    ledger.append(Ranking(stamp(1), "q0", ((1,), (0,))))
    ledger.append(Ranking(stamp(2), "q1", ((0, 1),)))
    ledger.append(Ranking(stamp(3, "p2"), "q0", ((1,), (0,))))
    ledger.append(Remark(stamp(4), "=nice, isn't it?\nyes"))
    ledger.append(Ranking(stamp(5), "q0", ((0,), (1,))))
    ledger.append(Retraction(stamp(6), stamp(5).uuid))
    ledger.close()


def test_a_person_is_added_listed_and_removed(run_dir, capsys):
    assert robofeed(["people", "add", "p3", "--run", str(run_dir), "--role", "drive"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("http://127.0.0.1:8765/?token=")
    assert "not shown again" in shown.err
    token = shown.out.strip().rpartition("=")[2]
    ledger = Ledger.open(run_dir / "feedback.sqlite")
    assert ledger.people.by_token(token) == Person("p3", Role.DRIVE)
    assert robofeed(["people", "list", "--run", str(run_dir)]) == 0
    assert "p3" in (listed := capsys.readouterr().out) and token not in listed
    assert robofeed(["people", "remove", "p3", "--run", str(run_dir)]) == 0
    assert ledger.people.by_token(token) is None
    ledger.close()


def test_the_link_leads_to_the_page_that_is_open(run_dir, capsys):
    (run_dir / "web.url").write_text("http://127.0.0.1:4711\n")
    assert robofeed(["people", "add", "p3", "--run", str(run_dir), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["link"].startswith("http://127.0.0.1:4711/?token=")
    assert (said["pseudonym"], said["role"]) == ("p3", "label")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["people", "add", "p 3", "--run", "RUN"], 2, "no pseudonym"),
        (["people", "add", "p3", "--role", "boss", "--run", "RUN"], 2, "no role 'boss'"),
        (["people", "remove", "p3", "--run", "RUN"], 2, "nobody called 'p3'"),
        (["people", "list", "--run", "nowhere"], 4, "is not a run"),
        (["feedback", "list", "nowhere"], 4, "is not a run"),
        (["feedback", "list", "sqlite:///nowhere.sqlite"], 4, "there is no ledger"),
        (["feedback", "list", "postgresql://p1:correct-horse@h/d"], 2, "PGPASSWORD"),
        (["feedback", "verify", "postgresql://p1@127.0.0.1:1/d"], 4, "is the server running"),
        (["feedback", "export", "RUN", "answers.xlsx"], 2, "no format to export"),
        (["feedback", "export", "RUN", "nowhere/answers.csv"], 4, "nowhere/answers.csv"),
        (["feedback", "forget", "RUN", "p9", "--yes"], 2, "nobody called 'p9'"),
    ],
)
def test_what_cannot_be_done_is_said(run_dir, capsys, arguments, code, said):
    words = [str(run_dir) if word == "RUN" else word for word in arguments]
    assert robofeed(words) == code
    told = capsys.readouterr()
    assert said in told.err
    assert "correct-horse" not in told.err


def test_records_and_people_are_listed(run_dir, capsys):
    assert robofeed(["feedback", "list", str(run_dir), "--last", "2"]) == 0
    out = capsys.readouterr().out
    assert "the last 2 of 6 records" in out and "(taken back)" in out
    assert robofeed(["feedback", "list", str(run_dir), "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["taken_back"] for record in records] == [False] * 4 + [True, False]
    assert records[0]["query"]["segments"][0]["episode_id"] == "e0"
    assert robofeed(["feedback", "list", str(run_dir), "--people"]) == 0
    out = capsys.readouterr().out
    assert "0 of 1" in out and "1 pair of clips was judged by two people or more" in out
    assert robofeed(["feedback", "list", str(run_dir), "--people", "--json"]) == 0
    p1, p2 = json.loads(capsys.readouterr().out)["people"]
    assert (p1["person"], p1["rankings"], p1["consistency"], p1["median_s"]) == ("p1", 2, 0.0, 1.5)
    assert (p2["rankings"], p2["consistency"]) == (1, None)


def test_every_format_says_the_same(run_dir, tmp_path, capsysbinary):
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        assert robofeed(["feedback", "export", str(run_dir), str(tmp_path / name)]) == 0
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        from_csv = list(csv.DictReader(file))
    from_parquet = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert len(lines) == len(from_csv) == len(from_parquet) == 6
    for line, row, record in zip(lines, from_csv, from_parquet, strict=True):
        assert line["payload"] == json.loads(row["payload"]) == json.loads(record["payload"])
        assert line["sequence"] == int(row["sequence"]) == record["sequence"]
        assert row["taken_back"] == str(record["taken_back"]) == str(line["taken_back"])
    assert lines[3]["payload"]["text"] == "=nice, isn't it?\nyes"
    capsysbinary.readouterr()
    assert robofeed(["feedback", "export", str(run_dir), "-"]) == 0
    assert capsysbinary.readouterr().out == (tmp_path / "a.jsonl").read_bytes()


def test_verify_finds_damage_and_ends_with_4(run_dir, capsys):
    import sqlite3

    assert robofeed(["feedback", "verify", str(run_dir)]) == 0
    assert "6 records, 2 questions" in capsys.readouterr().out
    stranger = sqlite3.connect(run_dir / "feedback.sqlite")
    stranger.execute("DROP TRIGGER feedback_no_delete")
    stranger.execute("DELETE FROM feedback WHERE sequence = 2")
    stranger.commit()
    stranger.close()
    assert robofeed(["feedback", "verify", str(run_dir)]) == 4
    told = capsys.readouterr()
    assert "has sequence 3, not 2" in told.out and "1 problems" not in told.out


@pytest.mark.needs("postgres")
def test_a_database_will_do_as_well(postgres, capsys):
    url = postgres.fresh_url()
    fill(url)
    assert robofeed(["feedback", "verify", url]) == 0
    assert robofeed(["people", "add", "p3", "--run", url]) == 0
    assert robofeed(["feedback", "forget", url, "p1", "--yes"]) == 0
    capsys.readouterr()
    assert robofeed(["feedback", "list", url, "--json"]) == 0
    assert "p1" not in {row["person"] for row in json.loads(capsys.readouterr().out)}


def test_a_forgotten_person_is_gone_from_the_events_and_the_rest_is_named(run_dir, capsys):
    report = FitReport(4, 0.9, 1, 0.8, 0.1, 0.1, 1.0, people=(PersonWeight("p1", 3, 0.5),))
    EventLog(run_dir).append(RewardFitted(1.0, 10, 4, report))
    (run_dir / "report.html").write_text("<p>p1 answered</p>")
    (run_dir / "notes.json").write_text('"p10 and sp1 are other people"')
    assert robofeed(["feedback", "forget", str(run_dir), "p1", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "p1 is forgotten" in out and "checkpoints/" in out
    assert [line for line in out.splitlines() if line.startswith("still in")] == [
        f"still in: {run_dir / 'report.html'}"
    ]
    (event,) = read_events(run_dir)
    assert event.report.people[0].person.startswith("forgotten-")
    assert event.report.people[0].weight == 0.5


def test_a_run_that_goes_on_keeps_its_events_and_says_so(run_dir, capsys):
    (run_dir / "run.json").write_text(json.dumps({"status": "running"}))
    (run_dir / "events.jsonl").write_text('{"person": "p1"}\n')
    assert robofeed(["feedback", "forget", str(run_dir), "p1", "--yes"]) == 0
    assert "events.jsonl" in capsys.readouterr().out
    assert (run_dir / "events.jsonl").read_text() == '{"person": "p1"}\n'


def test_forgetting_asks_first(run_dir, monkeypatch, capsys):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert robofeed(["feedback", "forget", str(run_dir), "p1"]) != 0
    ledger = Ledger.open(run_dir / "feedback.sqlite")
    assert "p1" in {entry.feedback.stamp.person for entry in ledger.since()}
    ledger.close()
