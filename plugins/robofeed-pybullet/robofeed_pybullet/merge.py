"""Folds links that are fixed to others into them: fewer links, faster steps, same physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from robofeed.kinematics.model import Joint, Link, Matrix, Model, Shape


def merged(model: Model) -> Model:
    """The same arm without fixed joints. Links must have an inertia of their own."""
    links, joints = dict(model.links), dict(model.joints)
    fixed = [joint for joint in joints.values() if joint.kind == "fixed"]
    # From the tips inwards, so that a link has taken in its own children before it is taken in.
    for joint in sorted(fixed, key=lambda joint: -len(model.chain_to(joint.child))):
        del joints[joint.name]
        child = links.pop(joint.child)
        if joint.parent not in links:
            continue
        links[joint.parent] = _taken_in(links[joint.parent], child, joint.parent_from_joint)
        for name, other in joints.items():
            if other.parent == joint.child:
                joints[name] = _moved(other, joint)
    return replace(model, links=links, joints=joints)


def _moved(joint: Joint, fixed: Joint) -> Joint:
    return replace(
        joint,
        parent=fixed.parent,
        parent_from_joint=fixed.parent_from_joint @ joint.parent_from_joint,
    )


def _taken_in(parent: Link, child: Link, parent_from_child: Matrix) -> Link:
    mass_kg, inertia_frame, inertia = _together([parent, child], [np.eye(4), parent_from_child])
    return Link(
        name=parent.name,
        mass_kg=mass_kg,
        link_from_inertia=inertia_frame,
        inertia=inertia,
        collision=parent.collision + _carried(child.collision, parent_from_child),
        visual=parent.visual + _carried(child.visual, parent_from_child),
    )


def _carried(shapes: tuple[Shape, ...], parent_from_child: Matrix) -> tuple[Shape, ...]:
    return tuple(
        replace(shape, link_from_shape=parent_from_child @ shape.link_from_shape)
        for shape in shapes
    )


def _together(links: list[Link], frames: list[Matrix]) -> tuple[float, Matrix, tuple[float, ...]]:
    """Mass, frame at the centre of mass, and inertia there of rigidly joined links."""
    poses = [frame @ link.link_from_inertia for link, frame in zip(links, frames, strict=True)]
    mass_kg = sum(link.mass_kg for link in links)
    centre = np.eye(4)
    if mass_kg:
        moments = [link.mass_kg * pose[:3, 3] for link, pose in zip(links, poses, strict=True)]
        centre[:3, 3] = sum(moments) / mass_kg
    total = np.zeros((3, 3))
    for link, pose in zip(links, poses, strict=True):
        assert link.inertia is not None
        turn, away = pose[:3, :3], pose[:3, 3] - centre[:3, 3]
        total += turn @ _tensor(link.inertia) @ turn.T
        # Steiner: a point mass at `away` from the common centre.
        total += link.mass_kg * (away @ away * np.eye(3) - np.outer(away, away))
    rows, columns = np.triu_indices(3)
    return mass_kg, centre, tuple(total[rows, columns].tolist())


def _tensor(inertia: tuple[float, ...]) -> Matrix:
    xx, xy, xz, yy, yz, zz = inertia
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
