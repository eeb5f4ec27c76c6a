from __future__ import annotations

from collections.abc import Iterator

import pytest

from .web_camera import WebCamera


@pytest.fixture
def webcam() -> Iterator[WebCamera]:
    camera = WebCamera()
    yield camera
    camera.close()
