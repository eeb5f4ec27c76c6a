"""The policy of a run as its last good checkpoint has it, or its best one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robofeed.act.policies import MlpPolicy
from robofeed.data.errors import DataError
from robofeed.data.policy_spec import PolicySpec
from robofeed.data.run_folder import RunFolder
from robofeed.data.spec import BackendSpec


@dataclass(frozen=True, slots=True)
class Trained:
    """A policy and where it is from."""

    policy: MlpPolicy
    checkpoint: str
    chosen_by: str
    """what made it this checkpoint: "last", or the criterion by which it is the best"""
    skipped: tuple[str, ...]
    """damaged checkpoints that were passed over"""

    def check_fit(self, backend: BackendSpec, use: str) -> None:
        """Compare what the policy sees and does with what the backend called `use` has.

        Raises:
            DataError: they differ.
        """
        if self.policy.spec.spec_hash in ("", backend.hash()):
            return
        raise DataError(
            f"the policy was trained with other observations or actions than {use} has here: the "
            f"arm, the task, the kind of action or period_s differ. This one steps every "
            f"{backend.period_s:g} s; --set backend.{use}.period_s=... changes that"
        )


def load_trained(folder: RunFolder, best: bool = False) -> Trained:
    """The policy of the last good checkpoint, or of the one that it names as the best.

    Raises:
        DataError: there is no checkpoint yet, or none that was judged the best.
    """
    from robofeed.update.checkpoint import load_checkpoint, load_latest

    loaded = load_latest(folder.checkpoints_path)
    if loaded is None:
        raise DataError(f"{folder.path} has no checkpoint yet; let it run a while first")
    chosen_by = "last"
    if best:
        if loaded.best is None:
            raise DataError(
                f"{folder.path} has no checkpoint that was judged the best: that takes a fitted "
                "reward model and an evaluation in the round of a checkpoint"
            )
        chosen_by = str(loaded.meta["selection"]["criterion"])
        loaded = load_checkpoint(folder.checkpoints_path / loaded.best)
    policy = MlpPolicy(
        PolicySpec.from_description(loaded.meta["policy"]),
        np.asarray(loaded.parts["policy"]["weights"]),
        version=max(0, int(loaded.meta["policy_version"])),
    )
    return Trained(policy, loaded.path.name, chosen_by, tuple(loaded.skipped))
