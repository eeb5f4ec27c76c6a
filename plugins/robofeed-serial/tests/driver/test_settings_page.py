"""docs/real-arms.md lists the settings of a real arm, all of them, with their defaults."""

from __future__ import annotations

import re
from pathlib import Path

from robofeed_serial.driving.config import SerialConfig

PAGE = Path(__file__).resolve().parents[4] / "docs/real-arms.md"


def test_every_setting_is_listed_with_its_default() -> None:
    table = PAGE.read_text("utf-8").partition("| setting | default | |\n|---|---|---|\n")[2]
    rows = re.findall(r"^\| `(\w+)` \| `?([^|` ]+)", table.partition("\n\n")[0], re.MULTILINE)
    defaults = {name: field.default for name, field in SerialConfig.model_fields.items()}

    assert sorted(name for name, _ in rows) == sorted(defaults)
    for name, shown in rows:
        value = defaults[name]
        if name in ("tool_speed_m_s", "calibration"):
            continue  # not given = what the arm file, or the arm's name, says
        if isinstance(value, float):
            assert float(shown) == value, name
        else:
            assert shown == (str(value).lower() if value not in ("", {}) else "none"), name
