"""The box round a mesh: enough to push and to be pushed with, and many times cheaper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robofeed.data.errors import ConfigError


def extent(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest corner of the mesh in an OBJ or binary STL file, float64 [3] each.

    Raises:
        ConfigError: the file is missing or holds no vertices.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the mesh {path}: {error}") from error
    vertices = _obj(data) if path.suffix.lower() == ".obj" else _stl(data)
    if not len(vertices):
        raise ConfigError(f"the mesh {path} has no vertices; install its package again")
    return vertices.min(axis=0), vertices.max(axis=0)


def _obj(data: bytes) -> NDArray[np.float64]:
    lines = (line.split() for line in data.splitlines() if line.startswith(b"v "))
    return np.array([[float(value) for value in parts[1:4]] for parts in lines]).reshape(-1, 3)


def _stl(data: bytes) -> NDArray[np.float64]:
    """Binary STL: 80 bytes, a count, then 50 bytes a triangle (normal, 3 vertices, 2 bytes)."""
    count = int.from_bytes(data[80:84], "little")
    triangle = np.dtype([("normal", "<f4", 3), ("vertices", "<f4", (3, 3)), ("attribute", "<u2")])
    triangles = np.frombuffer(data, triangle, count=count, offset=84)
    return triangles["vertices"].reshape(-1, 3).astype(np.float64)
