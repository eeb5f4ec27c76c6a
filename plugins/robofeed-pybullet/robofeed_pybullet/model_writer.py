"""Writes an arm model as a URDF file of primitive shapes, which PyBullet loads in under 1 ms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from robofeed.kinematics.model import Joint, Link, Matrix, Model, Shape, roll_pitch_yaw
from robofeed_pybullet.meshes import extent

_INERTIA = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
PALETTE = ((0.93, 0.94, 0.95, 1.0), (0.36, 0.42, 0.50, 1.0))
"""Colours of links that come without: light and slate, in turn along the arm."""


def without_meshes(model: Model) -> Model:
    """The same arm with the box round each collision mesh, drawn as it collides.

    Links without an inertia of their own get that of a box.
    """
    links = {}
    for number, (name, link) in enumerate(model.links.items()):
        collision = tuple(_boxed(shape) for shape in link.collision)
        drawn = link.visual
        if any(shape.kind == "mesh" for shape in drawn) or not drawn:
            drawn = tuple(replace(shape, colour=PALETTE[number % 2]) for shape in collision)
        links[name] = replace(
            link,
            collision=collision,
            visual=drawn,
            inertia=link.inertia or _box_inertia(link.mass_kg, collision),
        )
    return replace(model, links=links)


def write_urdf(model: Model, path: Path, *, visuals: bool) -> None:
    """Write `model`, which must be without meshes, with or without what is only seen."""
    robot = ElementTree.Element("robot", name=model.name)
    for link in model.links.values():
        element = ElementTree.SubElement(robot, "link", name=link.name)
        _inertial(element, link)
        for shape in link.collision:
            _shape(element, "collision", shape)
        if visuals:
            for number, shape in enumerate(link.visual):
                drawn = _shape(element, "visual", shape)
                if shape.colour is not None:
                    name = f"{link.name}.{number}"
                    material = ElementTree.SubElement(drawn, "material", name=name)
                    rgba = _text(shape.colour)
                    ElementTree.SubElement(material, "color", rgba=rgba)
    for joint in model.joints.values():
        _joint(robot, joint)
    ElementTree.indent(robot)  # PyBullet breaks lines of over 8 KiB
    ElementTree.ElementTree(robot).write(path, encoding="utf-8", xml_declaration=True)


def _boxed(shape: Shape) -> Shape:
    if shape.kind != "mesh":
        return shape
    low, high = extent(Path(shape.mesh))
    centre = np.eye(4)
    centre[:3, 3] = (low + high) / 2
    x, y, z = (high - low).tolist()
    return Shape("box", (x, y, z), shape.link_from_shape @ centre, shape.colour)


def _inertial(element: ElementTree.Element, link: Link) -> None:
    inertial = ElementTree.SubElement(element, "inertial")
    _pose(inertial, link.link_from_inertia)
    ElementTree.SubElement(inertial, "mass", value=repr(link.mass_kg))
    figures = link.inertia or (0.0,) * len(_INERTIA)
    values = dict(zip(_INERTIA, (repr(float(value)) for value in figures), strict=True))
    ElementTree.SubElement(inertial, "inertia", values)


def _box_inertia(mass_kg: float, shapes: tuple[Shape, ...]) -> tuple[float, ...]:
    """That of a homogeneous box of the size of the largest shape."""
    sizes = [shape.size_m for shape in shapes] or [(0.0, 0.0, 0.0)]
    x, y, z = max(sizes, key=lambda size: size[0] * size[1] * size[2])
    share = mass_kg / 12.0
    return (y * y + z * z) * share, 0.0, 0.0, (x * x + z * z) * share, 0.0, (x * x + y * y) * share


def _shape(element: ElementTree.Element, role: str, shape: Shape) -> ElementTree.Element:
    made = ElementTree.SubElement(element, role)
    _pose(made, shape.link_from_shape)
    geometry = ElementTree.SubElement(made, "geometry")
    x, _, z = shape.size_m
    if shape.kind == "box":
        ElementTree.SubElement(geometry, "box", size=_text(shape.size_m))
    elif shape.kind == "cylinder":
        ElementTree.SubElement(geometry, "cylinder", radius=repr(x / 2), length=repr(z))
    else:
        ElementTree.SubElement(geometry, "sphere", radius=repr(x / 2))
    return made


def _joint(robot: ElementTree.Element, joint: Joint) -> None:
    element = ElementTree.SubElement(robot, "joint", name=joint.name, type=joint.kind)
    ElementTree.SubElement(element, "parent", link=joint.parent)
    ElementTree.SubElement(element, "child", link=joint.child)
    _pose(element, joint.parent_from_joint)
    if joint.kind != "fixed":
        ElementTree.SubElement(element, "axis", xyz=_text(joint.axis))
        ElementTree.SubElement(
            element,
            "limit",
            lower=repr(joint.low),
            upper=repr(joint.high),
            velocity=repr(joint.speed),
            effort=repr(joint.effort),
        )


def _pose(element: ElementTree.Element, matrix: Matrix) -> None:
    xyz, rpy = _text(matrix[:3, 3].tolist()), _text(roll_pitch_yaw(matrix))
    ElementTree.SubElement(element, "origin", xyz=xyz, rpy=rpy)


def _text(values: tuple[float, ...] | list[float]) -> str:
    return " ".join(repr(float(value)) for value in values)
