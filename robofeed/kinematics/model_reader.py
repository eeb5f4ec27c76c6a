"""Reads arm models from URDF and SDF files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np

from robofeed.data.errors import ConfigError
from robofeed.kinematics.model import Joint, Link, Matrix, Model, Shape, transform

_INERTIA = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")


def read_model(path: Path, *, file_inertia: bool) -> Model:
    """The arm in a URDF or SDF file, meshes by reference.

    Args:
        path: A `.urdf` file, or an `.sdf` file with one model.
        file_inertia: Whether the file's inertias are the arm's; else they come from the shapes.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        root = ElementTree.parse(path).getroot()
        if path.suffix == ".sdf":
            return _sdf(root, path, file_inertia)
        return _urdf(root, path, file_inertia)
    except (OSError, ElementTree.ParseError, KeyError, ValueError) as error:
        raise ConfigError(f"cannot read the arm model {path}: {error!r}") from error


# --- URDF: poses are relative to the parent -------------------------------------------------------


def _urdf(root: ElementTree.Element, path: Path, file_inertia: bool) -> Model:
    colours = {
        material.attrib["name"]: _colour(material)
        for material in root.findall("material")
        if material.find("color") is not None
    }
    links = {}
    for element in root.findall("link"):
        inertial = element.find("inertial")
        mass = inertia = None
        if inertial is not None:
            mass, inertia = inertial.find("mass"), inertial.find("inertia")
        links[element.attrib["name"]] = Link(
            name=element.attrib["name"],
            mass_kg=0.0 if mass is None else float(mass.attrib["value"]),
            link_from_inertia=_origin(inertial),
            inertia=None
            if inertia is None or not file_inertia
            else tuple(float(inertia.attrib[key]) for key in _INERTIA),
            collision=_urdf_shapes(element, "collision", path, {}),
            visual=_urdf_shapes(element, "visual", path, colours),
        )
    joints = {
        element.attrib["name"]: _urdf_joint(element)
        for element in root.findall("joint")
        if element.find("parent") is not None
    }
    return Model(root.attrib["name"], links, joints)


def _urdf_joint(element: ElementTree.Element) -> Joint:
    axis, limit = element.find("axis"), element.find("limit")
    limits = {} if limit is None else limit.attrib
    x, y, z = _axis(element, None if axis is None else axis.get("xyz"), "1 0 0")
    return Joint(
        name=element.attrib["name"],
        kind=_kind(element),
        parent=_required(element, "parent").attrib["link"],
        child=_required(element, "child").attrib["link"],
        parent_from_joint=_origin(element),
        axis=(x, y, z),
        low=float(limits.get("lower", 0.0)),
        high=float(limits.get("upper", 0.0)),
        speed=float(limits.get("velocity", 0.0)),
        effort=float(limits.get("effort", 0.0)),
        follows=_mimic(element),
    )


def _mimic(element: ElementTree.Element) -> tuple[str, float] | None:
    mimic = element.find("mimic")
    if mimic is None:
        return None
    if float(mimic.get("offset", 0.0)):
        raise ValueError(f"joint {element.attrib['name']}: a mimic's offset must be 0")
    return mimic.attrib["joint"], float(mimic.get("multiplier", 1.0))


def _urdf_shapes(
    link: ElementTree.Element, role: str, path: Path, colours: dict[str, tuple[float, ...]]
) -> tuple[Shape, ...]:
    shapes = []
    for element in link.findall(role):
        geometry = _required(element, "geometry")[0]
        material = element.find("material")
        colour = None if material is None else colours.get(material.attrib["name"])
        attributes = geometry.attrib
        pose = _origin(element)
        if geometry.tag == "mesh":
            file = attributes["filename"].removeprefix("package://")
            shapes.append(Shape("mesh", (0.0, 0.0, 0.0), pose, mesh=str(path.parent / file)))
        elif geometry.tag == "box":
            x, y, z = _numbers(attributes["size"])
            shapes.append(Shape("box", (x, y, z), pose, _rgba(colour)))
        elif geometry.tag == "cylinder":
            across = 2.0 * float(attributes["radius"])
            size = (across, across, float(attributes["length"]))
            shapes.append(Shape("cylinder", size, pose, _rgba(colour)))
        else:
            across = 2.0 * float(attributes["radius"])
            shapes.append(Shape("sphere", (across, across, across), pose, _rgba(colour)))
    return tuple(shapes)


def _origin(element: ElementTree.Element | None) -> Matrix:
    origin = None if element is None else element.find("origin")
    attributes = {} if origin is None else origin.attrib
    return transform(
        _numbers(attributes.get("xyz"), "0 0 0"), _numbers(attributes.get("rpy"), "0 0 0")
    )


def _colour(material: ElementTree.Element) -> tuple[float, ...]:
    return tuple(_numbers(_required(material, "color").get("rgba")))


def _rgba(colour: tuple[float, ...] | None) -> tuple[float, float, float, float] | None:
    if colour is None:
        return None
    red, green, blue, alpha = colour
    return red, green, blue, alpha


# --- SDF: poses are relative to the model, and joints sit at their child link ---------------------


def _sdf(root: ElementTree.Element, path: Path, file_inertia: bool) -> Model:
    model = next(root.iter("model"))
    poses = {link.attrib["name"]: _pose(link) for link in model.findall("link")}
    links = {}
    for element in model.findall("link"):
        inertial = _required(element, "inertial")
        inertia = _required(inertial, "inertia")
        name = element.attrib["name"]
        links[name] = Link(
            name=name,
            mass_kg=float(_text(inertial, "mass")),
            link_from_inertia=_pose(inertial),
            inertia=tuple(float(_text(inertia, key)) for key in _INERTIA) if file_inertia else None,
            collision=_sdf_shapes(element, "collision", path),
            visual=_sdf_shapes(element, "visual", path),
        )
    joints = {}
    for element in model.findall("joint"):
        parent, child = _text(element, "parent"), _text(element, "child")
        if parent not in poses:
            continue
        axis = element.find("axis")
        limit = None if axis is None else axis.find("limit")
        x, y, z = _axis(element, None if axis is None else _text(axis, "xyz"), "0 0 1")
        low, high, speed, effort = (
            0.0 if limit is None else float(_text(limit, key))
            for key in ("lower", "upper", "velocity", "effort")
        )
        joints[element.attrib["name"]] = Joint(
            name=element.attrib["name"],
            kind=_kind(element),
            parent=parent,
            child=child,
            parent_from_joint=np.linalg.inv(poses[parent]) @ poses[child],
            axis=(x, y, z),
            low=low,
            high=high,
            speed=speed,
            effort=effort,
        )
    return Model(model.attrib["name"], links, joints)


def _sdf_shapes(link: ElementTree.Element, role: str, path: Path) -> tuple[Shape, ...]:
    shapes = []
    for element in link.findall(role):
        geometry = _required(element, "geometry")[0]
        if geometry.tag == "mesh":
            file = str(path.parent / _text(geometry, "uri").lstrip("/"))
            shapes.append(Shape("mesh", (0.0, 0.0, 0.0), _pose(element), mesh=file))
        else:
            x, y, z = _numbers(_text(geometry, "size"))
            shapes.append(Shape("box", (x, y, z), _pose(element)))
    return tuple(shapes)


def _pose(element: ElementTree.Element) -> Matrix:
    numbers = _numbers(element.findtext("pose"), "0 0 0 0 0 0")
    return transform(numbers[:3], numbers[3:])


# --- both -----------------------------------------------------------------------------------------


def _required(element: ElementTree.Element, tag: str) -> ElementTree.Element:
    found = element.find(tag)
    if found is None:
        raise ValueError(f"<{element.tag} {element.get('name', '')}> has no <{tag}>")
    return found


def _text(element: ElementTree.Element, tag: str) -> str:
    return (_required(element, tag).text or "").strip()


def _kind(joint: ElementTree.Element) -> Literal["revolute", "prismatic", "fixed"]:
    match joint.attrib["type"]:
        case "revolute" | "continuous":
            return "revolute"
        case "prismatic":
            return "prismatic"
        case "fixed":
            return "fixed"
        case other:
            raise ValueError(f"joint {joint.attrib['name']} is {other}: arms turn or slide")


def _axis(joint: ElementTree.Element, text: str | None, default: str) -> list[float]:
    axis = _numbers(text, default)
    if not any(axis) and joint.attrib["type"] != "fixed":
        raise ValueError(f"joint {joint.attrib['name']} has an axis without a direction")
    return axis


def _numbers(text: str | None, default: str = "") -> list[float]:
    numbers = [float(part) for part in (text or default).split()]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{text!r} holds a number that is not finite")
    return numbers
