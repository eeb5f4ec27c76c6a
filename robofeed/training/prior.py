"""What a learner and its configuration must agree on about demonstrations."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from robofeed.config import RunConfig
from robofeed.data.errors import ConfigError
from robofeed.interfaces import Learner, Needs


@runtime_checkable
class ImitatesPrior(Protocol):
    """A learner whose policy can start as an imitation of its prior transitions."""

    def imitate_prior(self, updates: int) -> None:
        """Do so, with so many updates."""


def check_prior(config: RunConfig, learner: Learner) -> None:
    """Compare [prior] with what the learner can do with it.

    Raises:
        ConfigError: the learner lives on demonstrations and there are to be none, or it cannot
            start from those there are.
    """
    prior, use = config.prior, config.learner.use
    lives_on_them = Needs.DEMONSTRATIONS in learner.needs
    some = prior.demonstrations > 0 or bool(prior.folder)
    if lives_on_them and not some:
        raise ConfigError(
            f"learner.use = {use!r} learns from demonstrations and there are none: add, for "
            "instance, --set prior.demonstrations=50 --set prior.pretrain_updates=2000, or "
            "--set prior.folder=FOLDER with those of `robofeed record`"
        )
    pretrains = some and prior.pretrain_updates > 0
    if pretrains and not lives_on_them and not isinstance(learner, ImitatesPrior):
        raise ConfigError(
            f"learner.use = {use!r} cannot start from demonstrations: set "
            "prior.pretrain_updates = 0"
        )
