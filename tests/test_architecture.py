"""The rules of the design that a machine can check. Import direction is in pyproject.toml."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import robofeed
from robofeed import hookspecs
from robofeed.cli.verbs import OWN_VERBS

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 400
LONGEST_INTERFACES = 260
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "misc", "src"}

HEAVY = {"alembic", "av", "cv2", "matplotlib", "pyarrow", "pybullet"}
HEAVY |= {"serial", "sqlalchemy", "tensorboard", "torch"}
"""What only the work itself may load; importing robofeed or asking for help may not."""


def tracked(*patterns: str) -> list[Path]:
    """Files of the checkout that match, leaving out what is built, cached or installed in it."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    built = {".venv", "build", "dist", "runs", "__pycache__"}
    return sorted(path for path in found if not built & set(path.relative_to(ROOT).parts))


SHIPPED = tracked(
    "robofeed/**/*.py", "plugins/*/robofeed*/**/*.py", "sim_assets/**/*.py", "hardware/**/*.py"
)
EVERY = sorted(
    {*SHIPPED, *tracked("*.py", "tests/**/*.py", "plugins/**/*.py", "benchmarks/**/*.py")}
    | {*tracked("scripts/**/*.py")}
)
TESTS = tracked("tests/**/test_*.py", "plugins/*/tests/**/test_*.py")


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a chain of attributes, "" for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted(value)}.{attribute}"
    return ""


# --- files ----------------------------------------------------------------------------------------


def test_no_file_is_too_long() -> None:
    too_long = {label(path): len(path.read_text("utf-8").splitlines()) for path in EVERY}
    too_long = {name: lines for name, lines in too_long.items() if lines > LONGEST}

    assert not too_long, f"a file is one idea, at most {LONGEST} lines: {too_long}"


def test_the_interfaces_fit_one_reading() -> None:
    lines = (ROOT / "robofeed/interfaces.py").read_text("utf-8").splitlines()

    assert len(lines) <= LONGEST_INTERFACES


def test_every_name_is_an_idea() -> None:
    vague = [
        label(path)
        for path in EVERY
        if FORBIDDEN_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ]

    assert not vague, f"the function belongs to somebody: {vague}"


def test_every_module_of_core_is_used() -> None:
    """By another shipped module, as a verb, as an entry point or, for `testing`, by plugins."""
    used = set(imported_modules())
    used |= {f"robofeed.cli.{verb}" for verb in OWN_VERBS} | {
        "robofeed.builtin",
        "robofeed.__main__",
    }
    unused = [
        name
        for name in (module_name(path) for path in tracked("robofeed/**/*.py"))
        if name not in used
        and not name.startswith(("robofeed.testing", "robofeed.data.migrations"))
        and not any(other.startswith(f"{name}.") for other in used)
    ]

    assert not unused, f"nothing imports {unused}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules() -> Iterator[str]:
    for path in SHIPPED:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


# --- what sources may not do ----------------------------------------------------------------------

CODE_LOADERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CODE_RUNNERS = {"eval", "exec", "torch.load", "torch.save", "yaml.load", "yaml.unsafe_load"}
GLOBAL_SEEDING = {"random.seed", "np.random.seed", "numpy.random.seed", "torch.manual_seed"}
GLOBAL_SEEDING |= {"torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "torch.seed"}


def forbidden_acts(tree: ast.Module) -> Iterator[str]:
    """What in `tree` runs stored data as code or seeds a generator that others share."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name in CODE_LOADERS)
            case ast.ImportFrom(module=str(module)) if module in CODE_LOADERS:
                yield module
            case ast.Call(func=function) if dotted(function) in CODE_RUNNERS | GLOBAL_SEEDING:
                yield dotted(function)
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                yield "allow_pickle=True"


@pytest.mark.parametrize("path", SHIPPED, ids=label)
def test_sources_run_no_stored_code_and_seed_nothing_global(path: Path) -> None:
    assert list(forbidden_acts(tree_of(path))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "eval(text)",
        "yaml.load(file)",
        "np.load(path, allow_pickle=True)",
        "np.random.seed(0)",
    ],
)
def test_forbidden_acts_are_seen(line: str) -> None:
    assert len(list(forbidden_acts(ast.parse(line)))) == 1


# --- imports --------------------------------------------------------------------------------------


def loaded_after(code: str) -> set[str]:
    """The top-level modules in a fresh interpreter after `code`, whatever that prints."""
    program = f"{code}\nimport sys, json\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/"
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def local_entry_modules() -> list[str]:
    """The modules that the entry points of this repository's distributions name."""
    groups = ("robofeed", "robofeed.commands")
    points = [point for group in groups for point in entry_points(group=group)]
    return sorted({point.module for point in points if point.module.startswith("robofeed")})


def test_importing_robofeed_loads_next_to_nothing() -> None:
    loaded = loaded_after("import robofeed")

    assert not loaded & (HEAVY | {"numpy", "pydantic", "pluggy", "typer", "rich"})


def test_help_loads_no_library_but_that_of_the_command_line() -> None:
    loaded = loaded_after("from robofeed.cli import run\nassert run(['--help']) == 0")

    assert not loaded & (HEAVY | {"numpy", "pydantic", "pluggy"})


@pytest.mark.parametrize("verb", OWN_VERBS)
def test_help_for_a_verb_loads_nothing_heavy(verb: str) -> None:
    loaded = loaded_after(f"from robofeed.cli import run\nassert run([{verb!r}, '--help']) == 0")

    assert not loaded & HEAVY


@pytest.mark.parametrize("module", local_entry_modules())
def test_an_entry_point_imports_nothing_heavy(module: str) -> None:
    assert not loaded_after(f"import {module}") & HEAVY


def test_listing_plugins_loads_nothing_heavy() -> None:
    loaded = loaded_after("from robofeed.cli import run\nassert run(['plugins', 'list']) == 0")

    assert not loaded & HEAVY


# --- the public names -----------------------------------------------------------------------------


def test_the_public_names_are_in_order_and_all_there() -> None:
    names = robofeed.__all__

    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert all(getattr(robofeed, name) is not None for name in names)


def test_type_checkers_and_python_see_the_same_public_names() -> None:
    tree = tree_of(ROOT / "robofeed/__init__.py")
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node)
    )
    for_checkers = {
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for_python = {(home, name) for home, names in robofeed._HOMES.items() for name in names}

    assert for_checkers == for_python
    assert sorted(name for _, name in for_python) == robofeed.__all__


def test_nothing_else_is_public() -> None:
    code = "import robofeed, sys\nprint(*[n for n in vars(robofeed) if n[0] != '_'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) <= {"TYPE_CHECKING", "Any", "annotations"}


def test_a_name_that_does_not_exist_says_so() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Robot'"):
        _ = robofeed.Robot


# --- hooks ----------------------------------------------------------------------------------------

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("robofeed_"))


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented(hook: str) -> None:
    page = (ROOT / "docs/hooks.md").read_text("utf-8")

    assert re.search(rf"^## `{hook}`$", page, re.MULTILINE)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_tested(hook: str) -> None:
    assert any(hook in path.read_text("utf-8") for path in TESTS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_shipping_user(hook: str) -> None:
    users = [
        label(path)
        for path in SHIPPED
        if path.name != "hookspecs.py" and f"def {hook}(" in path.read_text("utf-8")
    ]

    assert users


def test_the_hooks_page_documents_no_hook_that_is_gone() -> None:
    page = (ROOT / "docs/hooks.md").read_text("utf-8")

    assert sorted(re.findall(r"^## `(robofeed_\w+)`$", page, re.MULTILINE)) == HOOKS
