import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from robofeed import event_log
from robofeed.data.batch import PersonWeight
from robofeed.data.errors import DataError
from robofeed.data.observation import Gate
from robofeed.data.store import EpisodeStore
from robofeed.events import Evaluated
from robofeed.report.run_record import read_run
from robofeed.report.safety_summary import EpisodeGates, check_seeds
from robofeed.report.writer import write_report

SECTIONS = (
    "clips learning reward feedback safety evaluations diagnostics settings reproduce "
    "evaluation-only"
).split()


class Reader(HTMLParser):
    """Collects tags, their attributes, ids and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open_tags = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open_tags.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag

    def handle_data(self, data):
        if self.open_tags[-1:] != ["style"]:
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))

    def ids(self):
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]


def read(run_dir, camera=None):
    path = write_report(run_dir, camera)
    assert path == run_dir / "report.html"
    return Reader(path.read_text(encoding="utf-8"))


def rewrite_events(run_dir, change):
    """Put what `change` makes of the events in their place."""
    events = change(list(event_log.read_events(run_dir)))
    text = "\n".join([*map(event_log.encode, events), ""])
    (run_dir / "events.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def module_run(tmp_path_factory, request):
    maker = request.getfixturevalue("run_maker_type")(tmp_path_factory.mktemp("runs"))
    return maker("whole", steps=6000, evaluations=4, stored=4)


@pytest.fixture(scope="module")
def page(module_run):
    return read(module_run)


def test_the_page_loads_nothing_from_elsewhere(page):
    for tag, attrs in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form")
        for name, value in attrs.items():
            assert not name.startswith("on"), f"{tag} {name}"
            if name in ("src", "href", "xlink:href", "poster", "srcset", "action", "data"):
                assert value.startswith(("#", "data:")), f"{tag} {name}={value[:60]}"
            assert "url(" not in (value or "").replace("url(#", ""), f"{tag} {name}"
    (policy,) = (
        attrs["content"]
        for _, attrs in page.tags
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy


def test_the_style_sheet_loads_nothing(module_run):
    style = re.search(r"<style>(.*?)</style>", (module_run / "report.html").read_text(), re.S)[1]
    assert "@import" not in style and "url(" not in style


def test_every_section_is_there_and_ids_are_unique(page):
    ids = page.ids()
    assert set(SECTIONS) <= set(ids)
    assert len(ids) == len(set(ids))
    anchors = {attrs["href"][1:] for tag, attrs in page.tags if tag == "a"}
    assert anchors <= set(ids)


def test_the_page_is_well_formed(page):
    assert page.open_tags == []


def test_every_chart_follows_the_theme_and_is_described(page, module_run):
    charts = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(charts) >= 8
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in charts)
    text = (module_run / "report.html").read_text()
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, re.S))
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn), "a colour that does not follow the theme"
    assert "<style" not in drawn, "a style sheet in a chart would reach the whole page"
    assert set(re.findall(r"var\(--([a-z]+)\)", drawn)) <= set(re.findall(r"--([a-z]+):", text))


def test_the_headline_says_what_it_cost(page):
    words = page.words
    for said in (
        "so101 learns reach",
        "a simulated teacher, oracle",
        "seed 0",
        "97",
        "91.5 to 99.0 %",
        "97 of 100 evaluation episodes",
        "Answers used",
        "Demonstrations",
        "Pairs",
        "6,000",
        "step budget",
        "no true success used",
    ):
        assert said in words, said


def test_pairs_are_counted_from_the_ledger(page):
    """Six pairs, a ranking of three (3), a repeat (1); skipped and retracted ones hold none."""
    facts = re.search(r"Pairs (\d+) comparisons", page.words)
    assert facts is not None and facts[1] == "10"
    assert "Same answer when asked again 1 of 1" in page.words
    assert "Agreement between people no pair of clips was judged by two people" in page.words
    assert "Taken back 1" in page.words


def test_the_evaluation_seeds_are_really_compared(page, make_run):
    assert "Checked: none of its 100 seeds is among the 4 of stored training" in page.words

    def checked(name, seeds, **more):
        run = make_run(name, steps=1000, evaluations=3, final_seeds=seeds, stored=1, **more)
        trained = [EpisodeGates(1000 + number, np.zeros(5, np.uint16)) for number in range(3)]
        return check_seeds(read_run(run), trained)

    leaky = checked("leaky", range(1000, 1100))
    assert leaky.state == "no" and "3 of 100 evaluation seeds were seen before (1" in leaky.text
    again = checked("again", range(10_039, 10_139))
    assert again.state == "no" and "1 of 100" in again.text
    assert checked("running", None, finished=False).state == "yes"
    assert check_seeds(read_run(make_run("unseeded", steps=500)), []).state == "unknown"


def test_what_used_true_success_is_marked(page):
    marks = [attrs for tag, attrs in page.tags if attrs.get("class") == "badge"]
    assert len(marks) >= 8
    assert all(attrs["href"] == "#evaluation-only" for attrs in marks)


def test_a_ground_truth_baseline_says_so_everywhere(make_run):
    run = make_run("truth", truth=True, steps=2000, evaluations=3, stored=1)
    page = read(run)
    title = re.search(r"<title>(.*?)</title>", (run / "report.html").read_text())[1]
    assert "from ground truth (baseline)" in title
    assert "Ground-truth baseline. This run learned from the simulator's true reward" in page.words
    assert "on pybullet · taught by the simulator's true reward" in page.words
    assert page.words.count("this baseline learns from ground truth") >= 5


def test_a_torn_events_file_still_gives_a_page(make_run):
    run = make_run("torn", steps=2000, evaluations=3, stored=1)
    events = (run / "events.jsonl").read_bytes()
    (run / "events.jsonl").write_bytes(b"{}\nnonsense\n" + events[: int(len(events) * 0.8)])
    words = read(run).words
    assert "the last line of events.jsonl is torn" in words
    assert "2 of" in words and "are no events (the first is line 1)" in words
    assert "The run has not finished" in words
    assert "at the latest evaluation" in words


def test_an_empty_run_names_everything_that_is_missing(tmp_path):
    run = tmp_path / "bare"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"name": "bare", "status": "failed"}))
    words = read(run).words
    for said in (
        "config.toml cannot be read",
        "events.jsonl holds no events",
        "No evaluation has been recorded yet",
        "there is no ledger at",
        "the run has no evaluation at this moment",
        "the learner has reported no metrics",
        "the reward model has not been fitted",
        "no stored training episode",
        "the configuration was not found",
    ):
        assert said in words, said


def test_damaged_files_are_named_and_the_rest_is_shown(make_run):
    run = make_run("damaged", steps=2000, evaluations=3, stored=3)
    (run / "run.json").write_text("{")
    (run / "config.toml").write_text("[run\n")
    (run / "feedback.sqlite").write_bytes(b"no database at all, but long enough to be one" * 50)
    (run / "episodes" / "e000001.parquet").write_bytes(b"PAR1")
    words = read(run).words
    for said in (
        "run.json cannot be read",
        "config.toml is not valid TOML",
        "the ledger cannot be read",
        "1 stored episode cannot be read",
        "97 of 100 evaluation episodes",
    ):
        assert said in words, said


def test_not_a_number_is_shown_as_unknown_and_never_as_a_figure(make_run):
    run = make_run("unknown", steps=2000, evaluations=3, stored=1)

    def spoil(events):
        from dataclasses import replace

        for place, event in enumerate(events):
            if isinstance(event, Evaluated):
                nothing = (float("nan"),) * len(event.seeds)
                events[place] = replace(event, true_returns=nothing, predicted_returns=nothing)
            elif type(event).__name__ == "RewardFitted":
                report = replace(
                    event.report,
                    held_out_accuracy=float("nan"),
                    calibration_error=float("nan"),
                    temperature=float("nan"),
                    reliability=((float("nan"), float("nan"), 3),),
                )
                events[place] = replace(event, report=report)
            elif type(event).__name__ == "Updated":
                events[place] = replace(event, metrics={"critic_loss": float("nan")})
        return events

    rewrite_events(run, spoil)
    page = read(run)
    assert not re.search(r"\b(nan|NaN|inf|None)\b", page.words)
    assert "no fit had enough held-out pairs to tell" in page.words
    assert "the final evaluation has no predicted returns" in page.words


def test_what_each_persons_answers_counted_for_is_said(make_run):
    run = make_run("people", steps=2000, evaluations=2, stored=1)

    def judge(events):
        from dataclasses import replace

        people = (PersonWeight("ann", 30, 0.97), PersonWeight("dice", 29, 0.04))
        return [
            replace(event, report=replace(event.report, people=people))
            if type(event).__name__ == "RewardFitted"
            else event
            for event in events
        ]

    rewrite_events(run, judge)
    assert "ann 97 % (30 rankings), dice 4 % (29 rankings)" in read(run).words


def test_gates_of_stored_episodes_are_counted(make_run):
    run = make_run("gates", steps=2000, evaluations=3, stored=0)
    gates = np.zeros(50, np.uint16)
    gates[:10] = int(Gate.JOINT_SPEED)
    gates[10] = int(Gate.JOINT_SPEED | Gate.NON_FINITE)
    store = EpisodeStore(run)
    type(make_run).store_episode(store, "e000000", 7, gates, 1.0)
    words = read(run).words
    assert "A gate touched 22.0 % of 50 training steps in 1 stored episode" in words
    assert "joint speed 11 22.0 %" in words
    assert "non finite refuses 1 2.0 %" in words
    assert re.search(r"Touched no step: [^.]*workspace", words)


def test_text_of_a_run_cannot_become_markup(make_run):
    run = make_run("evil", steps=1000, evaluations=2, stored=1)
    about = json.loads((run / "run.json").read_text())
    about |= {"name": "<script>alert(1)</script>", "torch": "<img src=x onerror=alert(1)>"}
    (run / "run.json").write_text(json.dumps(about))
    config = (run / "config.toml").read_text()
    (run / "config.toml").write_text(config.replace("so101", "</style><script>"))
    page = read(run)
    assert not [tag for tag, _ in page.tags if tag in ("script", "img")]
    assert "<script>alert(1)</script>" in page.words


def test_a_resumed_run_shows_each_step_once(make_run):
    run = make_run("resumed", steps=4000, evaluations=5, stored=1)

    def resume(events):
        """Killed at 3,000 steps, resumed from the checkpoint at 2,000."""
        from dataclasses import replace

        before = [event for event in events if event.steps <= 3000]
        after = [event for event in events if event.steps > 2000]
        return [
            *before,
            replace(events[0], steps=2000, wall_s=40.0, resumed_from="step_000002000"),
            *after,
        ]

    rewrite_events(run, resume)
    words = read(run).words
    assert "resumed 1 time" in words
    assert "after that checkpoint were done again and are left out here" in words
    assert "80 episodes" in words


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no run folder"):
        write_report(tmp_path)


def test_the_same_run_gives_the_same_bytes(module_run):
    first = write_report(module_run).read_bytes()
    assert write_report(module_run).read_bytes() == first
