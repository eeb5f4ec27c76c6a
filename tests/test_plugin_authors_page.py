"""What docs/plugin-authors.md shows of tasks and kinematics can be done as it stands there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import robofeed_hardware

PAGE = Path(__file__).resolve().parent.parent / "docs/plugin-authors.md"
MODEL = Path(robofeed_hardware.__file__).parent / "arms/rfp6.urdf"


def test_an_arm_s_model_gives_task_action_and_kinematics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (block,) = (text for text in blocks if "ArmGeometry(" in text)
    shutil.copy(MODEL, tmp_path / "my_arm.urdf")
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {}

    exec(compile(block, str(PAGE), "exec"), given)

    assert given["left_m"] < 1e-3
    np.testing.assert_allclose(given["tool_m"], given["goal_m"], atol=1e-3)
    layout = given["task"].layout(np.random.default_rng(0))
    state = given["task"].observe(given["world"], layout)
    assert len(state) == given["task"].observation.size
    assert not given["task"].truth(given["world"], layout).success
    assert given["horizon"] == 100
    assert given["action"].high.tolist() == pytest.approx([0.016] * 3)
