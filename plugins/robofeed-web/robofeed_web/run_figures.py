"""The curves of a run, read on from its events.jsonl as that grows."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

_MOST_POINTS = 2_000
"""Of a curve; of a longer one every second point is dropped."""


class RunFigures:
    """Follows a run's events. Any thread may use it.

    Only figures that a person may see while labelling are taken. Success is a simulator's ground
    truth, and said to be.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / "events.jsonl"
        self._lock = threading.Lock()
        self._offset = 0
        self._curves: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("success", "accuracy", "answers", "speed")
        }
        self._latest: dict[str, Any] = {"steps": 0, "wall_s": 0.0, "answers": 0, "phase": ""}

    def read(self) -> dict[str, Any]:
        """Curves and the latest figures, JSON-ready.

        `success`: rate with its 95 % interval, by steps and answers; `accuracy`: on held-out
        answers, the reward model's; `answers`: over steps; `speed`: steps a second.
        """
        with self._lock:
            for event in self._new():
                self._take(event)
            curves = {name: list(points) for name, points in self._curves.items()}
            return {"curves": curves, "latest": dict(self._latest)}

    def _new(self) -> list[dict[str, Any]]:
        try:
            with open(self._path, "rb") as file:
                size = file.seek(0, 2)
                if size < self._offset:
                    # A torn line was cut by whoever resumed the run; whole ones stay as they are.
                    self._offset = 0
                    for points in self._curves.values():
                        points.clear()
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        events = [json.loads(line) for line in data[:whole].splitlines()]
        return [event for event in events if isinstance(event, dict)]

    def _take(self, event: dict[str, Any]) -> None:
        latest, curves = self._latest, self._curves
        at = {"steps": event.get("steps", 0), "answers": event.get("answers", latest["answers"])}
        latest["steps"], latest["wall_s"] = at["steps"], event.get("wall_s", 0.0)
        match event.get("event"):
            case "RunStarted":
                latest["phase"] = "running"
                # A resumed run went back: what it did beyond that point did not happen.
                for name, points in curves.items():
                    curves[name] = [point for point in points if point["steps"] <= at["steps"]]
            case "FeedbackReceived":
                latest["answers"] = event["answers"]
                latest["open_queries"] = event.get("open_queries", 0)
                self._add("answers", at)
            case "RewardFitted":
                report = event["report"]
                if report.get("held_out_accuracy") is not None:
                    self._add("accuracy", {**at, "value": report["held_out_accuracy"]})
            case "Updated":
                latest["phase"] = event.get("phase", "")
                self._add("speed", {**at, "value": event.get("steps_per_s")})
            case "Evaluated":
                interval = event.get("interval", (None, None))
                value = {"value": event["success_rate"], "low": interval[0], "high": interval[1]}
                self._add("success", {**at, **value, "moment": event.get("moment", "")})
                latest["policy_version"] = event.get("policy_version")
            case "RunFinished":
                latest["phase"] = "finished"
                latest["answers"] = event["answers"]
                latest["stop_rule"] = event.get("stop_rule", "")

    def _add(self, name: str, point: dict[str, Any]) -> None:
        points = self._curves[name]
        points.append(point)
        if len(points) > _MOST_POINTS:
            del points[1:-1:2]
