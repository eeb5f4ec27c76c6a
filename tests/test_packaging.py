"""What is shipped works where the checkout is not: wheels, pins, and the set-up of `make`."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCAL = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
LOCAL += [path.parent for name in ("sim_assets", "hardware") for path in ROOT.glob(f"{name}/pyp*")]
OPTIONAL = {"pytest", "hypothesis"}
"""Imported only by what is itself used in tests only: `robofeed.testing`."""
PROVIDED_BY = {"cv2": ["opencv-python"]}
"""Distributions of modules that an extra brings and that may be missing here."""
REQUIREMENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(folder: Path, *, dev: bool = True) -> set[str]:
    """Names of everything the distribution asks for, extras included."""
    about = project(folder)["project"]
    extras = dict(about.get("optional-dependencies", {}))
    if not dev:
        extras.pop("dev", None)
    lists = [about.get("dependencies", []), *extras.values()]
    found = [REQUIREMENT.match(line) for lines in lists for line in lines]
    return {normal(match.group()) for match in found if match}


def label(folder: Path) -> str:
    return str(project(folder)["project"]["name"])


NAMES = {normal(label(folder)) for folder in LOCAL}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in pinned}


# --- the wheels -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of each local distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    for source in LOCAL:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(build, cwd=source, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment: the wheels, and third-party libraries lent by this one.

    A line in a .pth file lends the folder without its own .pth files, through which the editable
    installations of the checkout would come in.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index"]
    install += ["--no-deps", "--no-compile", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *map(str, wheels.glob("*.whl"))], check=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def ask(python: Path, *arguments: str, folder: Path) -> str:
    """Run the environment's Python in `folder`, free of what this process was told."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), *arguments],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("folder", LOCAL, ids=label)
def test_a_wheel_holds_every_file_of_its_package_and_nothing_else(
    folder: Path, wheels: Path
) -> None:
    (package,) = project(folder)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    distribution = normal(label(folder)).replace("-", "_")
    (wheel,) = wheels.glob(f"{distribution}-[0-9]*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {
        str(path.relative_to(folder))
        for path in (folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert held == files
    assert f"{package}/py.typed" in held


def test_the_code_comes_from_the_wheels_alone(installed: Path, tmp_path: Path) -> None:
    packages = sorted(
        project(folder)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"][0]
        for folder in LOCAL
    )
    code = f"import {', '.join(packages)}; print(*[m.__file__ for m in ({', '.join(packages)},)])"

    places = ask(installed, "-c", code, folder=tmp_path).split()

    assert len(places) == len(LOCAL)
    assert all(place.startswith(str(installed.parent.parent)) for place in places)


def test_every_plugin_loads_from_its_wheel(installed: Path, tmp_path: Path) -> None:
    listed = ask(installed, "-m", "robofeed", "plugins", "list", "--json", folder=tmp_path)
    rows = {row["distribution"]: row for row in json.loads(listed)}
    offering = {
        label(path)
        for path in LOCAL
        if "robofeed" in project(path)["project"].get("entry-points", {})
    }

    assert set(rows) == offering
    assert not [row for row in rows.values() if row["error"]]
    assert all(row["offers"] for row in rows.values())


def test_the_script_works_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    script = installed.parent / "robofeed"
    done = subprocess.run([str(script), "--version"], capture_output=True, text=True, cwd=tmp_path)

    assert done.stdout == f"robofeed {project(ROOT)['project']['version']}\n"


# --- pins and project files -----------------------------------------------------------------------


@pytest.mark.parametrize("folder", LOCAL, ids=label)
def test_builds_are_pinned_and_packages_named(folder: Path) -> None:
    about = project(folder)

    assert about["build-system"]["requires"] == ["hatchling==1.33.0"]
    assert len(about["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == 1
    assert about["project"]["license"] == "Apache-2.0"
    assert about["project"]["requires-python"] == ">=3.11"


@pytest.mark.parametrize("folder", LOCAL, ids=label)
def test_everything_imported_is_asked_for(folder: Path) -> None:
    """Otherwise a library is there only because another happens to bring it."""
    (package,) = project(folder)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    asked = requirements(folder, dev=False) | {normal(label(folder))}
    known = packages_distributions()
    missing = {
        module
        for module in imported_at_top((folder / package).rglob("*.py")) - sys.stdlib_module_names
        if not asked
        & {normal(name) for name in known.get(module, PROVIDED_BY.get(module, [module]))}
    }

    assert not missing - OPTIONAL


def imported_at_top(files: Iterable[Path]) -> set[str]:
    """Names before the first dot of everything that `files` import, wherever in the file."""
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("folder", LOCAL, ids=label)
def test_everything_asked_for_is_pinned_or_local(folder: Path) -> None:
    assert not requirements(folder) - set(pins()) - NAMES


def test_no_local_distribution_is_pinned() -> None:
    assert not NAMES & set(pins())


def test_all_local_distributions_have_one_version() -> None:
    assert len({project(folder)["project"]["version"] for folder in LOCAL}) == 1


# --- make -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "system", "machine", "advice"),
    [
        ((3, 9), "Linux", "x86_64", "needs Python 3.11"),
        ((3, 12), "Linux", "x86_64", "install Python 3.11"),
        ((3, 11), "Darwin", "arm64", "BUILD_PYBULLET=1"),
        ((3, 11), "Linux", "aarch64", "BUILD_PYBULLET=1"),
    ],
)
def test_make_says_what_to_do_where_the_simulator_has_no_wheel(
    version: tuple[int, int], system: str, machine: str, advice: str
) -> None:
    problem = runpy.run_path(str(ROOT / "scripts/check_python.py"))["problem"]

    assert advice in problem(version, system, machine, False)


def test_make_goes_on_where_all_is_well_or_a_build_is_wanted() -> None:
    problem = runpy.run_path(str(ROOT / "scripts/check_python.py"))["problem"]

    assert problem((3, 11), "Linux", "x86_64", False) is None
    assert problem((3, 12), "Darwin", "arm64", True) is None


def test_the_wheels_pybullet_is_the_pinned_one() -> None:
    script = runpy.run_path(str(ROOT / "scripts/check_python.py"))

    assert script["PYBULLET"] == pins()["pybullet"]


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Path:
    """What `make` reads, away from the checkout's own .venv."""
    for name in ("Makefile", "constraints.txt", "scripts"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    for folder in LOCAL:
        target = tmp_path / folder.relative_to(ROOT)
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "pyproject.toml", target)
    return tmp_path


@pytest.mark.needs("make")
def test_make_stops_before_installing_where_the_python_is_too_old(bare_checkout: Path) -> None:
    old = bare_checkout / "old-python"
    old.write_text("#!/bin/sh\necho Python 2.7 is too old >&2; exit 1\n", encoding="utf-8")
    old.chmod(0o755)

    done = subprocess.run(
        ["make", "demo", f"PYTHON={old}"], cwd=bare_checkout, capture_output=True, text=True
    )

    assert done.returncode != 0
    assert "too old" in done.stderr
    assert not (bare_checkout / ".venv").exists()


@pytest.mark.needs("make")
def test_make_installs_all_local_distributions_on_one_line(bare_checkout: Path) -> None:
    done = subprocess.run(
        ["make", "-n", "demo"], cwd=bare_checkout, capture_output=True, text=True, check=True
    )
    (line,) = (line for line in done.stdout.splitlines() if "pip" in line and "install" in line)

    assert "-c constraints.txt" in line
    assert line.count("-e ") + line.count("-e.") == len(LOCAL)
    assert ".venv/bin/robofeed train reach" in done.stdout


def test_the_ci_script_asks_for_everything() -> None:
    script = ROOT / ".ci/run"

    assert os.access(script, os.X_OK)
    text = script.read_text("utf-8")
    assert "ROBOFEED_REQUIRE=all" in text
    assert "make test" in text
