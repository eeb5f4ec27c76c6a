"""What the weight of an arm's links asks of its servos, pose by pose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robofeed.kinematics.model import Joint, Model, rotation

GRAVITY_M_S2 = 9.81
NEAR_RAD = 0.005
"""Poses this near have the same load: the sum over the links need not be made at every step."""


def weighed(model: Model, servos_kg: Mapping[str, float]) -> Model:
    """The arm with masses, where its file has none.

    Servos are most of what a small arm weighs, so each sits, with its share of brackets, at the
    joint that it turns. A file with masses of its own is left as it is.

    Args:
        model: The arm's links and joints.
        servos_kg: Mass by joint.
    """
    if any(link.mass_kg for link in model.links.values()):
        return model
    links = dict(model.links)
    for joint in model.joints.values():
        added_kg = servos_kg.get(joint.name, 0.0)
        if added_kg:
            carrier = links[joint.parent]
            mass_kg = carrier.mass_kg + added_kg
            centre = carrier.mass_kg * carrier.link_from_inertia[:3, 3]
            centre = (centre + added_kg * joint.parent_from_joint[:3, 3]) / mass_kg
            at = np.eye(4)
            at[:3, 3] = centre
            links[joint.parent] = replace(carrier, mass_kg=mass_kg, link_from_inertia=at)
    return replace(model, links=links)


class GravityLoad:
    """A `Load`: torque at each servo's output.

    Args:
        model: The arm's links and joints.
        names: Of each servo, the joint it turns; one that the model lacks carries nothing.
        turns: Of each servo, joint angle = first * motor position + second, rad.
    """

    def __init__(
        self, model: Model, names: Sequence[str], turns: Sequence[tuple[float, float]]
    ) -> None:
        self._model = model
        self._names = list(names)
        self._turns = list(turns)
        self._children: dict[str, list[Joint]] = {}
        for joint in model.joints.values():
            self._children.setdefault(joint.parent, []).append(joint)
        below = {joint.child for joint in model.joints.values()}
        self._roots = [name for name in model.links if name not in below]
        self._pose: list[float] = []
        self._loads: list[float] = []

    def __call__(self, positions_rad: Sequence[float]) -> Sequence[float]:
        moved = zip(positions_rad, self._pose, strict=False)
        if not self._pose or any(abs(now - then) > NEAR_RAD for now, then in moved):
            self._pose = list(positions_rad)
            self._loads = self._find(positions_rad)
        return self._loads

    def _find(self, positions_rad: Sequence[float]) -> list[float]:
        angles = {
            name: first * position + second
            for name, (first, second), position in zip(
                self._names, self._turns, positions_rad, strict=True
            )
        }
        torques: dict[str, float] = {}
        for root in self._roots:
            self._hang(root, np.eye(4), angles, torques)
        # A servo feels a joint's torque through its gear and in its own sense of turning.
        return [
            torques.get(name, 0.0) * first
            for name, (first, _) in zip(self._names, self._turns, strict=True)
        ]

    def _hang(
        self,
        link: str,
        world_from_link: NDArray[np.float64],
        angles: dict[str, float],
        torques: dict[str, float],
    ) -> tuple[float, NDArray[np.float64]]:
        """Mass, and mass times centre in the world, of a link and all that hangs from it."""
        part = self._model.links[link]
        mass_kg = part.mass_kg
        moment = mass_kg * (world_from_link @ part.link_from_inertia)[:3, 3]
        for joint in self._children.get(link, ()):
            world_from_joint = world_from_link @ joint.parent_from_joint
            axis = np.asarray(joint.axis, dtype=float)
            axis = axis / np.linalg.norm(axis)
            if joint.kind == "revolute":
                turned = world_from_joint.copy()
                turned[:3, :3] = world_from_joint[:3, :3] @ rotation(
                    axis, angles.get(joint.name, 0.0)
                )
            else:
                turned = world_from_joint
            below_kg, below = self._hang(joint.child, turned, angles, torques)
            if joint.kind == "revolute":
                arm = below - below_kg * world_from_joint[:3, 3]
                # (arm x (0, 0, -g)) along the axis.
                pull = GRAVITY_M_S2 * np.array([-arm[1], arm[0], 0.0])
                torques[joint.name] = float(pull @ (world_from_joint[:3, :3] @ axis))
            mass_kg += below_kg
            moment = moment + below
        return mass_kg, moment
