"""Discovery through real entry points: fake distributions are laid out on sys.path."""

import sys
import textwrap
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from robofeed import events
from robofeed.data.errors import ConfigError
from robofeed.events import FeedbackReceived, RunFinished
from robofeed.hookspecs import hookimpl
from robofeed.interfaces import Provider
from robofeed.plugins import PluginRegistry, load_plugins

HEADER = "from robofeed.hookspecs import hookimpl\n@hookimpl\n"
OFFER = """
    from robofeed.hookspecs import hookimpl

    @hookimpl
    def robofeed_backends():
        from pydantic import BaseModel
        from robofeed.interfaces import Provider
        return [Provider({name!r}, BaseModel, lambda config, context: {made!r})]
"""


class Installer:
    """Lays out distributions as pip would."""

    def __init__(self, site: Path) -> None:
        self.site = site

    def install(self, distribution: str, source: str, entry_point: str = "main") -> None:
        module = distribution.replace("-", "_")
        (self.site / f"{module}.py").write_text(textwrap.dedent(source))
        info = self.site / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        )
        (info / "entry_points.txt").write_text(f"[robofeed]\n{entry_point} = {module}\n")


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("ROBOFEED_PLUGINS", raising=False)
    before = set(sys.modules)
    yield Installer(tmp_path)
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").exists():
            del sys.modules[name]


def row_of(registry, distribution):
    (row,) = [row for row in registry.listing() if row.distribution == distribution]
    return row


def test_an_installed_plugin_is_found_and_made(site):
    site.install("robofeed-testarm", OFFER.format(name="testarm", made="an arm"), "arm")
    registry = load_plugins()
    assert registry.provider("backend", "testarm").create(None, None) == "an arm"
    assert "testarm" in registry.names("backend")
    row = row_of(registry, "robofeed-testarm")
    assert (row.version, row.entry_point, row.offers, row.error) == (
        "1.2",
        "arm",
        ("backend testarm",),
        "",
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "import a_module_nobody_has",
            "ModuleNotFoundError: No module named 'a_module_nobody_has'",
        ),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError"),
        (
            HEADER + "def robofeed_backend(): return []",
            "no hook 'robofeed_backend'; did you mean 'robofeed_backends'?",
        ),
        (
            HEADER + "def robofeed_backends(arm): return []",
            "PluginValidationError",
        ),
        (
            HEADER + "def robofeed_learners(): return [7]",
            "which is not a Provider",
        ),
        (
            HEADER + "def robofeed_learners(): return 1/0",
            "ZeroDivisionError",
        ),
    ],
)
def test_a_broken_plugin_is_listed_and_the_others_work(site, source, expected):
    site.install("robofeed-broken", source)
    site.install("robofeed-testarm", OFFER.format(name="testarm", made=1))
    registry = load_plugins()
    assert expected in row_of(registry, "robofeed-broken").error
    assert registry.provider("backend", "testarm").create(None, None) == 1
    with pytest.raises(ConfigError, match=r"robofeed-broken has an error"):
        registry.provider("backend", "broken")


def test_a_plugin_for_another_interface_is_refused_by_name(site):
    site.install(
        "robofeed-future",
        """
        from robofeed.hookspecs import hookimpl

        @hookimpl
        def robofeed_learners():
            from pydantic import BaseModel
            from robofeed.interfaces import Provider
            return [Provider("next", BaseModel, print, api=2), Provider("now", BaseModel, print)]
        """,
    )
    registry = load_plugins()
    assert "next is made for plugin interface 2" in row_of(registry, "robofeed-future").error
    assert registry.provider("learner", "now").name == "now"
    with pytest.raises(ConfigError, match="no learner named 'next'"):
        registry.provider("learner", "next")


def test_two_plugins_of_one_name_are_an_error_naming_both_once_used(site):
    site.install("robofeed-one", OFFER.format(name="twin", made=1))
    site.install("robofeed-two", OFFER.format(name="twin", made=2))
    registry = load_plugins()
    said = "backend 'twin' is offered by robofeed-one and robofeed-two"
    with pytest.raises(ConfigError, match=said):
        registry.provider("backend", "twin")
    for distribution in ("robofeed-one", "robofeed-two"):
        assert said in row_of(registry, distribution).error


@pytest.mark.parametrize("allowed", ["arm", "robofeed-testarm", "Robofeed_TestArm, ", "arm,arm"])
def test_the_allow_list_names_entry_points_or_distributions(site, monkeypatch, allowed):
    site.install("robofeed-testarm", OFFER.format(name="testarm", made=1), "arm")
    site.install("robofeed-rude", "raise RuntimeError('imported')", "rude")
    monkeypatch.setenv("ROBOFEED_PLUGINS", allowed)
    registry = load_plugins()
    assert "testarm" in registry.names("backend")
    assert "robofeed_rude" not in sys.modules
    assert {row.distribution for row in registry.listing()} == {"robofeed", "robofeed-testarm"}


def test_an_empty_allow_list_leaves_only_cores_own(site, monkeypatch):
    site.install("robofeed-testarm", OFFER.format(name="testarm", made=1))
    monkeypatch.setenv("ROBOFEED_PLUGINS", "")
    registry = load_plugins()
    assert {row.distribution for row in registry.listing()} == {"robofeed"}
    assert "robofeed_testarm" not in sys.modules
    with pytest.raises(ConfigError, match="ROBOFEED_PLUGINS leaves robofeed-testarm out"):
        registry.provider("backend", "testarm")


def test_an_allow_list_with_a_typo_is_an_error(site):
    site.install("robofeed-testarm", OFFER.format(name="testarm", made=1))
    with pytest.raises(ConfigError, match=r"'robofeed-testar' is not .* mean 'robofeed-testarm'"):
        load_plugins(["robofeed-testar"])


def test_an_unknown_name_gets_the_nearest_or_the_command_that_installs_it(site):
    site.install("robofeed-testarm", OFFER.format(name="testarm", made=1))
    registry = load_plugins(["robofeed-testarm"])
    with pytest.raises(ConfigError, match=r"no backend named 'testram'; did you mean 'testarm'"):
        registry.provider("backend", "testram")
    bare = PluginRegistry()
    with pytest.raises(
        ConfigError, match=r"pip install -e plugins/robofeed-pybullet -e sim_assets"
    ):
        bare.provider("backend", "pybullet")


class Observer:
    def __init__(self) -> None:
        self.seen: list[object] = []

    @hookimpl
    def robofeed_feedback_received(self, event: object) -> None:
        self.seen.append(event)

    @hookimpl
    def robofeed_run_finished(self, event: object) -> None:
        self.seen.append(event)


class Raises:
    @hookimpl
    def robofeed_feedback_received(self) -> None:
        raise OSError("no connection to the dashboard")


FEEDBACK = FeedbackReceived(1.0, 10, 3, 3, 0, 0, 3, 0)
FINISHED = RunFinished(2.0, 20, 3, "steps", "20 steps")


def test_an_observer_that_raises_is_named_and_does_not_stop_the_others(caplog):
    registry, observer = PluginRegistry(), Observer()
    registry.add(Raises(), "robofeed-dashboard")
    registry.add(observer, "robofeed-watcher")
    for event in (FEEDBACK, FEEDBACK, FINISHED):
        registry.notify(event)
    assert observer.seen == [FEEDBACK, FEEDBACK, FINISHED]
    (failure,) = registry.observer_failures
    assert failure.distribution == "robofeed-dashboard"
    assert failure.times == 2
    assert "no connection" in failure.error
    assert caplog.text.count("robofeed-dashboard") == 1, "logged once, however often it fails"
    assert row_of(registry, "robofeed-watcher").offers == (
        "watches feedback_received",
        "watches run_finished",
    )


def test_every_event_reaches_an_observer_of_its_hook():
    class Everything:
        def __init__(self) -> None:
            self.seen: list[type] = []

    def watch(self, event):
        self.seen.append(type(event))

    for hook in (
        "robofeed_run_started",
        "robofeed_episode_recorded",
        "robofeed_feedback_received",
        "robofeed_updated",
        "robofeed_run_finished",
    ):
        setattr(Everything, hook, hookimpl(typing.cast(typing.Any, _copy(watch))))
    registry, observer = PluginRegistry(), Everything()
    registry.add(observer, "robofeed-everything")
    every = typing.get_args(events.Event)
    for event_type in every:
        registry.notify(object.__new__(event_type))
    assert observer.seen == list(every)
    assert not registry.observer_failures


def _copy(function):
    """A function of its own for each hook: the marker is kept on the function."""

    def watch(self, event):
        function(self, event)

    return watch


def test_a_second_registration_of_the_same_plugin_is_listed_as_an_error():
    registry, observer = PluginRegistry(), Observer()
    registry.add(observer, "robofeed-watcher", entry_point="a")
    registry.add(observer, "robofeed-watcher", entry_point="b")
    assert [bool(row.error) for row in registry.listing()] == [False, True]
    registry.notify(FINISHED)
    assert observer.seen == [FINISHED]


def test_a_failing_plugin_leaves_nothing_behind():
    class Half:
        @hookimpl
        def robofeed_backends(self):
            return [Provider("half", BaseModel, print)]

        @hookimpl
        def robofeed_learners(self):
            raise RuntimeError("no learner")

    registry = PluginRegistry()
    registry.add(Half(), "robofeed-half")
    assert registry.names("backend") == ()
    assert "no learner" in row_of(registry, "robofeed-half").error
