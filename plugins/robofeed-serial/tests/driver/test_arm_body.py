"""Which links of an arm come too near each other, against PyBullet's own distances."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from robofeed import ConfigError
from robofeed.data.tasks import World, make_task
from robofeed_pybullet.engine import pybullet
from robofeed_serial.arms.arm_file import ArmFile, load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.body.arm_body import MARGIN_M, TABLE, UNTRUE_M, body_of
from robofeed_serial.supervision.goal_gate import GoalGate
from robofeed_serial.supervision.messages import Request
from robofeed_serial.supervision.settings import SupervisorSettings, bounds_of

ARMS = ("so101", "so100", "koch", "omx", "rfp6")
SEEN_M = 0.05
"""how far apart PyBullet still tells"""
ENGINE_M = 1e-3
"""how far PyBullet's distances may be off"""


def random_poses(arm: ArmFile, count: int, seed: int = 0) -> list[list[float]]:
    ranges = nominal(arm).ranges_rad(arm)
    low, high = zip(*ranges, strict=True)
    poses: list[list[float]] = (
        np.random.default_rng(seed).uniform(low, high, (count, len(low))).tolist()
    )
    return poses


def with_rods(arm: ArmFile, folder: Path) -> Path:
    """The arm's own URDF, with a round rod along each link that has a radius."""
    tree = ElementTree.parse(arm.geometry().path)
    joints = arm.geometry().model.joints.values()
    for link in tree.getroot().findall("link"):
        name = link.attrib["name"]
        radius_m = arm.body.radius_m.get(name)
        if radius_m is None:
            continue
        is_tool = name == arm.model.tool_link
        end_m = next(
            joint.parent_from_joint[:3, 3]
            for joint in joints
            if joint.parent == name and (joint.child == "tool") == is_tool
        )
        length_m = float(np.linalg.norm(end_m))
        x, y, z = end_m / length_m
        turned = f"0 {math.acos(z)} {math.atan2(y, x)}"
        length_m -= radius_m if is_tool else 0.0  # its end is round: it reaches to the tool point
        middle = " ".join(str(0.5 * length_m * each) for each in (x, y, z))
        collision = ElementTree.SubElement(link, "collision")
        ElementTree.SubElement(collision, "origin", {"xyz": middle, "rpy": turned})
        figures = {"radius": str(radius_m), "length": str(length_m)}
        shape = ElementTree.SubElement(collision, "geometry")
        ElementTree.SubElement(shape, "capsule", figures)
    path = folder / "arm.urdf"
    tree.write(path)
    return path


Distances = Callable[[Sequence[float]], dict[frozenset[str], float]]


@contextmanager
def engine(arm: ArmFile, folder: Path) -> Iterator[Distances]:
    """PyBullet's distance between any two links that are not neighbours, where that is < SEEN_M."""
    client = pybullet.connect(pybullet.DIRECT)
    try:
        body = pybullet.loadURDF(
            str(with_rods(arm, folder)), useFixedBase=True, physicsClientId=client
        )
        infos = [
            pybullet.getJointInfo(body, n, client)
            for n in range(pybullet.getNumJoints(body, physicsClientId=client))
        ]
        links = {info[12].decode(): info[0] for info in infos}
        links[pybullet.getBodyInfo(body, client)[0].decode()] = -1
        parents = {info[0]: info[16] for info in infos}
        joints = {info[1].decode(): info[0] for info in infos}
        pairs = [
            (one, other)
            for one, a in links.items()
            for other, b in links.items()
            if a < b and parents.get(b) != a
        ]

        def distances(pose: Sequence[float]) -> dict[frozenset[str], float]:
            for servo, angle in zip(arm.servos, pose, strict=True):
                pybullet.resetJointState(body, joints[servo.name], angle, physicsClientId=client)
            found = {}
            for one, other in pairs:
                points: Any = pybullet.getClosestPoints(
                    body, body, SEEN_M, links[one], links[other], physicsClientId=client
                )
                if points:
                    found[frozenset((one, other))] = min(point[8] for point in points)
            return found

        yield distances
    finally:
        pybullet.disconnect(client)


@pytest.mark.parametrize("name", ["so101", "koch"])
def test_whatever_pybullet_sees_touch_is_refused(name: str, tmp_path: Path) -> None:
    arm = load_arm(name)
    body = body_of(arm)
    home = [*arm.model.home_rad, 0.0]
    poses = random_poses(arm, 300)
    gaps = body.gaps_m(poses)
    touching = 0
    with engine(arm, tmp_path) as distances:
        near_at_home = {pair for pair, far in distances(home).items() if far < MARGIN_M}
        for pose, row in zip(poses, gaps, strict=True):
            told = dict(zip((frozenset(pair) for pair in body.pairs), row.tolist(), strict=True))
            least = dict(zip(told, body.least_m.tolist(), strict=True))
            seen = distances(pose)
            for pair, distance in seen.items():
                if pair not in told:
                    assert pair in near_at_home
                    continue
                assert told[pair] <= distance + ENGINE_M
                if distance < min(0.0, least[pair]) - ENGINE_M:
                    touching += 1
                    assert body.first_free([pose, home])[0] == 1
    assert touching > 50


def test_what_is_too_near_may_only_move_apart_and_what_cannot_be_holds_nothing_back() -> None:
    body = body_of(load_arm("so101"))
    least_m = body.least_m

    assert body.floor_m(least_m + 0.1) == pytest.approx(least_m)
    assert body.floor_m(least_m - 0.5 * UNTRUE_M) == pytest.approx(least_m - 0.5 * UNTRUE_M)
    assert (body.floor_m(least_m - 1.5 * UNTRUE_M) == -np.inf).all()


@pytest.mark.parametrize("name", ARMS)
def test_home_and_rest_are_free(name: str) -> None:
    arm = load_arm(name)
    body = body_of(arm)
    home, rest = ([*pose, 0.2] for pose in (arm.model.home_rad, arm.model.rest_rad))

    assert {TABLE in pair for pair in body.pairs} == {False, True}
    assert body.first_free([home, rest]) == body.first_free([rest, home]) == (0, None)


@pytest.mark.parametrize(
    ("name", "targets"), [("so101", 100), ("so100", 10), ("koch", 20), ("omx", 10), ("rfp6", 10)]
)
def test_the_expert_still_reaches_every_target(name: str, targets: int) -> None:
    """Targets of the task reach, servos that do what they are told, 6 s each at most."""
    arm = load_arm(name)
    geometry = arm.geometry()
    figures = geometry.figures()
    chain = geometry.kinematics(0.02, hold_posture=False)
    joints = len(arm.joints)

    def tool(rad: Sequence[float]) -> tuple[float, float, float]:
        x, y, z = chain.pose(rad[:joints]).tool_m
        return x, y, z

    ranges = nominal(arm).ranges_rad(arm)
    bounds = bounds_of(arm, ranges, SupervisorSettings(arm=name, port="nowhere"))
    gate = GoalGate(bounds, tool, body_of(arm))
    task = make_task("reach", figures)
    step_m = figures.tool_step_m
    for seed in range(targets):
        layout = task.layout(np.random.default_rng(seed))
        rad = [*(layout.home_rad or figures.home_rad), 0.1]
        for _ in range(300):
            world = World(rad[:joints], [0.0] * joints, tool(rad))
            if task.truth(world, layout).success:
                break
            way = [min(max(each, -step_m), step_m) for each in task.expert(world, layout)]
            pose = chain.pose(rad[:joints])
            goal_m = [here + each for here, each in zip(pose.tool_m, way, strict=False)]
            wanted = [*chain.solve(rad[:joints], pose, goal_m).joint_rad, math.nan]
            for _ in range(2):
                rad = gate.pass_through(wanted, rad, rad, 0.01)
        assert task.truth(world, layout).success, f"seed {seed}: {layout.goal_m} {gate.too_near}"


def test_the_hand_is_kept_from_the_base_and_from_the_table() -> None:
    arm = load_arm("so101")
    body = body_of(arm)
    home = [*arm.model.home_rad, 0.0]
    folded = [0.0, -1.7, 1.65, 1.6, 0.0, 0.0]  # the hand at the foot of the arm
    under = [0.0, 0.9, 0.5, 0.4, 0.0, 0.0]

    assert body.first_free([folded, home]) == (1, ("shoulder", "wrist"))
    number, pair = body.first_free([under, home])
    assert number == 1
    assert pair is not None
    assert TABLE in pair


def test_a_link_without_shape_or_radius_has_no_body(tmp_path: Path) -> None:
    shipped = load_arm("koch").path
    for name in ("koch.toml", "koch.urdf"):
        text = (shipped.parent / name).read_text("utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("radius_m")]
        (tmp_path / name).write_text("\n".join(lines), "utf-8")
    body = body_of(load_arm(str(tmp_path / "koch.toml")))
    home = [0.0] * 6

    assert body.pairs == ()
    assert body.first_free([[9.0] * 6, home]) == (0, None)


def test_a_radius_of_a_link_that_is_not_there_is_refused(tmp_path: Path) -> None:
    shipped = load_arm("koch").path
    text = shipped.read_text("utf-8").replace("lower_arm = 0.0", "lower_am = 0.0")
    (tmp_path / "koch.toml").write_text(text, "utf-8")
    (tmp_path / "koch.urdf").write_text((shipped.parent / "koch.urdf").read_text("utf-8"), "utf-8")

    with pytest.raises(ConfigError, match=r"lower_am.*did you mean 'lower_arm'"):
        body_of(load_arm(str(tmp_path / "koch.toml")))


def test_its_supervisor_says_which_links_it_keeps_apart(bench: Any) -> None:
    bench.cycle()
    bench.ask(Request.ENGAGE)
    folded = [0.0, -1.7, 1.65, 1.6, 0.0, math.nan]
    reports = [bench.go(folded) for _ in range(800)]

    assert {report.in_the_way for report in reports} > {""}
    assert not reports[-1].latched
