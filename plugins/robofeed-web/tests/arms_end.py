"""The arm's end of a run's control socket, without an arm."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

AXES = {"names": ["x", "y"], "low": [-0.02, -0.02], "high": [0.02, 0.02], "units": ["m", "m"]}


class Arm:
    """Says what a training process says on `control.sock`, and keeps what it is told."""

    def __init__(self, run_dir: Path) -> None:
        self.heard: list[dict[str, Any]] = []
        self.busy = ""
        self.told: dict[str, Any] = {}
        self.scene = [0.0]
        self.late_s = 0.0
        self._to_tell: deque[dict[str, Any]] = deque()
        self.deaf = False
        self.holder: dict[str, str] | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(run_dir / "control.sock"))
        self._listener.listen(1)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(0.04)
        self._say(connection, {"is": "welcome", "run": "r", "period_s": 0.04, "action": AXES})
        rest, step = b"", 0
        while not self._ending.is_set():
            try:
                data = connection.recv(1 << 16)
            except TimeoutError:
                data = b""
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._obey(connection, json.loads(line))
            step += 1
            while self._to_tell:
                self._say(connection, self._to_tell.popleft())
            if self.busy:
                said = {"is": "busy", "doing": self.busy, "holder": self.holder}
                self._say(connection, said)
            else:
                self._say(connection, self._state(step))
        connection.close()

    def _obey(self, connection: socket.socket, said: dict[str, Any]) -> None:
        self.heard.append(said)
        if said["do"] == "take":
            time.sleep(self.late_s)
            self.holder = {"person": said["person"], "source": said["source"]}
            self._say(connection, {"is": "taken", "person": said["person"]})
        elif said["do"] == "release":
            self.holder = None
        elif said["do"] == "stop" and not self.deaf:
            self._say(connection, {"is": "stopping", "person": said["person"], "source": "web"})

    def _state(self, step: int) -> dict[str, Any]:
        return {
            "is": "state",
            "phase": "training",
            "episode_id": "e000007",
            "step": step,
            "mode": "correcting" if self.holder else "autonomous",
            "holder": self.holder,
            "policy_version": 3,
            "joint_rad": [0.1, -0.5],
            "tool_m": [0.1, 0.2, 0.3],
            "gripper": None,
            "scene": self.scene,
            "latency": {"last_ms": 10.0, "median_ms": 12.0, "count": 4},
            "overruns": 0,
            **self.told,
        }

    @staticmethod
    def _say(connection: socket.socket, message: dict[str, Any]) -> None:
        connection.sendall(json.dumps(message).encode() + b"\n")

    def tell(self, message: dict[str, Any]) -> None:
        self._to_tell.append(message)

    def moves(self) -> list[list[float]]:
        return [said["action"] for said in self.heard if said["do"] == "move"]

    def wait_for(self, do: str) -> dict[str, Any]:
        end_s = time.monotonic() + 20
        while time.monotonic() < end_s:
            for said in self.heard:
                if said["do"] == do:
                    return said
            time.sleep(0.01)
        raise AssertionError(f"no {do} was heard, only {[said['do'] for said in self.heard]}")

    def end(self) -> None:
        self._ending.set()
        self._thread.join(5)
        self._listener.close()
