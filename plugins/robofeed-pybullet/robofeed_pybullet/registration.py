"""Registers every arm x task with Gymnasium, without importing it before the user does."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType
from typing import Any

ARMS = {"so101": "So101", "panda": "Panda", "kuka_iiwa": "KukaIiwa", "xarm6": "Xarm6"}
TASKS = {"reach": "Reach", "push": "Push", "pick_place": "PickPlace", "obstacles": "Obstacles"}
REWARDS = {"dense": "", "sparse": "Sparse"}


def environment_ids() -> dict[str, dict[str, str]]:
    """The arguments of each environment by id: `robofeed/So101Reach-v0`, `...ReachSparse-v0`."""
    return {
        f"robofeed/{arm_name}{task_name}{reward_name}-v0": {
            "arm": arm,
            "task": task,
            "reward": reward,
        }
        for arm, arm_name in ARMS.items()
        for task, task_name in TASKS.items()
        for reward, reward_name in REWARDS.items()
    }


def register_environments() -> None:
    """Register now if Gymnasium is loaded, else as soon as someone loads it."""
    if "gymnasium" in sys.modules:
        _register()
    elif not any(isinstance(finder, _WhenImported) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenImported())


def _register() -> None:
    from gymnasium.envs.registration import register, registry

    for name, arguments in environment_ids().items():
        if name not in registry:
            register(id=name, entry_point="robofeed_pybullet.environment:ArmEnv", kwargs=arguments)


class _WhenImported(MetaPathFinder):
    """Waits for the import of Gymnasium, lets it happen, and registers."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "gymnasium":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenRegister(spec.loader)
        return spec


class _ThenRegister(Loader):
    """The loader that was found, and registration after it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _register()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
