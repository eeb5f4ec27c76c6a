"""Run files, presets and --set: what is accepted, what is refused and in which words."""

import math
import string
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from robofeed.cli.overrides import with_arm
from robofeed.config import RunConfig, resolve
from robofeed.data.errors import ConfigError
from robofeed.interfaces import Provider
from robofeed.run_file import dump_toml, load_config, origins, parse_override, preset_names

MINIMAL = '[backend]\nuse = "testarm"\n'


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.toml"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def refused(expected, **source):
    with pytest.raises(ConfigError) as caught:
        load_config(**source)
    for part in [expected] if isinstance(expected, str) else expected:
        assert part in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_and_survives_a_round_trip(name, write):
    config = load_config(name, overrides=["run.seed=4"])
    assert (config.run.preset, config.run.seed) == (name, 4)
    assert load_config(file=write(dump_toml(config))) == config


def test_an_unknown_preset_gets_the_nearest_and_the_list():
    refused(["no preset named 'raech'", "did you mean 'reach'?", "push"], preset="raech")


def test_a_minimal_file_gets_the_defaults(write):
    file = write(MINIMAL)
    config = load_config(file=file)
    assert config == RunConfig.model_validate(
        {"backend": {"use": "testarm"}, "run": {"preset": str(file)}}
    )
    assert config.checkpoint.keep == 3
    assert config.evaluation.final_episodes == 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[schedule]\nrandom_stpes = 3", ["'schedule.random_stpes'", "mean 'random_steps'"]),
        ("[schedul]\nrandom_steps = 3", ["unknown key 'schedul'", "did you mean 'schedule'?"]),
        ("[schedule]\nanswer_budget = -1", ["schedule.answer_budget = -1", "equal to 0"]),
        ("[stop]\nsteps = 0", ["stop.steps = 0", "greater than or equal to 1"]),
        ("[stop]\nwall_s = nan", ["stop.wall_s = nan"]),
        ("[simulation]\nprocesses = true", ["simulation.processes = True"]),
        ("[stop]\nsteps = 'none'", ["[stop]: no rule is left"]),
        ("[queries]\nselection = 'best'", ["queries.selection = 'best'", "'coverage'"]),
        ("[feedback]\nteacher = 3", ["unknown key 'feedback.teacher'"]),
        ("schedule = 3", ["schedule = 3"]),
    ],
)
def test_a_bad_key_or_value_is_named_with_its_file(write, text, expected):
    file = write(f"{text}\n{MINIMAL}")
    refused([*expected, str(file)], file=file)


def test_a_missing_backend_is_named(write):
    refused("key 'backend' is missing", file=write("[run]\nseed = 1\n"))


def test_all_problems_are_reported_at_once(write):
    file = write(MINIMAL + "[stop]\nsteps = 0\n[run]\nsede = 1\n")
    refused(["stop.steps", "run.sede"], file=file)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[run]\nseed = \n", "line 2"),
        ("[run]\nseed = 1\nseed = 2\n", "line 3"),
        ("[run]\nname = '''never closed\n", "line 2"),
        (b"[run]\n\nname = '\xff'\n", "line 3"),
        ("[run\n", "line 1"),
    ],
)
def test_malformed_toml_is_refused_with_file_and_line(write, text, line):
    file = write(text)
    refused(f"{file}, {line}", file=file)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    refused(str(tmp_path / "none.toml"), file=tmp_path / "none.toml")
    refused(str(tmp_path), file=tmp_path)


def test_overrides_win_and_are_named_when_wrong():
    config = load_config("reach", overrides=["stop.steps=7", "stop.steps=9", "feedback.x.y=[1, 2]"])
    assert config.stop.steps == 9
    assert config.feedback.table("x") == {"y": [1, 2]}
    refused(["--set run.sede=1", "mean 'seed'"], preset="reach", overrides=["run.sede=1"])
    refused("--set stop.steps=-1: stop.steps = -1", preset="reach", overrides=["stop.steps=-1"])
    refused("'seed' is a value", preset="reach", overrides=["run.seed=1", "run.seed.x=2"])


@pytest.mark.parametrize(
    "text", ["seed", "=1", "a..b=1", "a.b=", "a.b=[1", "a.b='x", "a=1\nb=2", "a=x\n[b]"]
)
def test_a_malformed_override_is_refused_by_name(text):
    with pytest.raises(ConfigError, match="--set"):
        parse_override(text)


def test_an_optional_limit_is_switched_off_and_stays_off(write):
    config = load_config("reach", overrides=["stop.steps=none", "stop.wall_s=60"])
    assert config.stop.steps is None
    assert config.stop.wall_s == 60.0
    assert load_config(file=write(dump_toml(config))).stop == config.stop


KEYS = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.lists(st.integers(-9, 9), max_size=4),
)


@given(st.lists(KEYS, min_size=1, max_size=4), VALUES)
def test_any_toml_value_comes_through_an_override(keys, value):
    import tomli_w

    written = tomli_w.dumps({"v": value}).removeprefix("v = ").removesuffix("\n")
    assert parse_override(f"{'.'.join(keys)}={written}") == (tuple(keys), value)


@given(st.from_regex(r"[a-z_][a-z0-9_/.-]{0,12}", fullmatch=True))
def test_a_bare_word_is_a_string(word):
    value = parse_override(f"run.name={word}")[1]
    constants = {"true": True, "false": False, "inf": math.inf}
    if word == "nan":
        assert math.isnan(value)
    else:
        assert value == constants.get(word, word)


@given(st.text(max_size=40))
def test_any_text_as_override_is_taken_or_refused_but_never_crashes(text):
    try:
        path, _ = parse_override(text)
    except ConfigError:
        return
    assert path and all(path)


class ArmConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    arm: Literal["so101", "panda"] = "so101"
    sizes: tuple[int, ...] = (1, 2)
    beta: float = math.inf
    gripper: bool | None = None


class NoSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def lookup(kind, name):
    config_type = ArmConfig if kind == "backend" else NoSettings
    return Provider(name, config_type, lambda config, context: (kind, config))


def test_the_provider_in_use_is_checked_and_completed_and_the_others_left_alone(write):
    file = write(
        MINIMAL + '[backend.testarm]\narm = "panda"\n[backend.other]\nwhatever = 1979-05-27'
    )
    resolved = resolve(load_config(file=file), lookup)
    assert resolved.backend.settings == ArmConfig(arm="panda")
    assert resolved.backend.provider.name == "testarm"
    assert resolved.learner.provider.name == "sac"
    table = resolved.config.backend.table("testarm")
    assert table == {"arm": "panda", "sizes": [1, 2], "beta": math.inf}
    again = load_config(file=write(dump_toml(resolved.config), "config.toml"))
    assert again == resolved.config
    assert resolve(again, lookup).config == resolved.config


class PlacedConfig(BaseModel):
    task: str = "reach"


@pytest.mark.parametrize(
    ("tables", "task"),
    [
        ('[backend.other]\ntask = "push"\n', "push"),
        ('[backend.other]\ntask = "push"\n[backend.testarm]\ntask = "reach"\n', "reach"),
        ('[backend.other]\ntask = "push"\n[backend.third]\ntask = "obstacles"\n', "reach"),
        ("", "reach"),
    ],
)
def test_a_task_is_of_the_run_whichever_backend_is_in_use(write, tables, task):
    def placed(kind, name):
        made = lookup(kind, name)
        return replace(made, config_type=PlacedConfig) if kind == "backend" else made

    resolved = resolve(load_config(file=write(MINIMAL + tables)), placed)
    assert resolved.backend.settings == PlacedConfig(task=task)


def test_a_backend_that_knows_no_tasks_is_told_of_none(write):
    config = load_config(file=write(MINIMAL + '[backend.other]\ntask = "push"\n'))
    assert resolve(config, lookup).backend.settings == ArmConfig()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [([], "backend.pybullet.arm"), (["backend.use=dynamixel"], "backend.dynamixel.arm")],
)
def test_an_arm_is_that_of_the_backend_in_use(settings, expected):
    assert with_arm("koch", "reach", None, settings) == [f'{expected}="koch"']
    assert with_arm(None, "reach", None, settings) == []


def test_a_bad_key_of_the_provider_in_use_is_named_with_its_whole_path(write):
    file = write(MINIMAL + '[backend.testarm]\naram = "panda"\narm = "pandda"\n')
    with pytest.raises(ConfigError) as caught:
        resolve(load_config(file=file), lookup)
    assert "unknown key 'backend.testarm.aram'; did you mean 'arm'?" in str(caught.value)
    assert f"{file}: backend.testarm.arm = 'pandda'" in str(caught.value)


def test_a_bad_key_of_the_provider_in_use_is_named_with_the_flag_it_came_from(write):
    overrides = ["backend.testarm.arm=pandda"]
    config = load_config(file=write(MINIMAL), overrides=overrides)
    with pytest.raises(ConfigError, match=r"^--set backend\.testarm\.arm=pandda: backend"):
        resolve(config, lookup, origins(overrides))


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_config("reach").run.seed = 3


def test_people_are_asked_some_questions_twice_and_teachers_are_not() -> None:
    usual = load_config("reach").queries
    chosen = load_config("reach", overrides=["queries.repeat_share=0.2"]).queries

    assert (usual.repeats(of_people=True), usual.repeats(of_people=False)) == (0.05, 0.0)
    assert (chosen.repeats(of_people=True), chosen.repeats(of_people=False)) == (0.2, 0.2)
