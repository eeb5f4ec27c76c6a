"""What core itself offers, found and made like what plugins offer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robofeed import Learner, Ranker, RewardModel, hookspecs
from robofeed.data.spec import ArraySpec, BackendSpec
from robofeed.interfaces import BuildContext
from robofeed.plugins import PluginRegistry, ProviderKind, load_plugins

OFFERED: list[tuple[str, ProviderKind, type[Any], set[str]]] = [
    ("robofeed_feedback_sources", "feedback", Ranker, {"teacher", "replay"}),
    ("robofeed_reward_models", "reward", RewardModel, {"ensemble", "truth"}),
    ("robofeed_learners", "learner", Learner, {"sac", "bc"}),
]
MADE_FROM_DEFAULTS = [
    (kind, protocol, name)
    for _, kind, protocol, names in OFFERED
    for name in sorted(names - {"replay"})  # a replay is told which run to replay
]


@pytest.fixture(scope="module")
def core() -> PluginRegistry:
    return load_plugins(allow=[])


@pytest.fixture(scope="module")
def context() -> BuildContext:
    edge = np.ones(4, np.float32)
    spec = BackendSpec(
        observation=ArraySpec((4,), -edge, edge),
        action=ArraySpec((2,), -edge[:2], edge[:2]),
        period_s=0.05,
        horizon=10,
    )
    return BuildContext(spec, seed=0, device="cpu")


@pytest.mark.parametrize(("hook", "kind", "protocol", "names"), OFFERED)
def test_core_offers_all_but_backends(
    hook: str, kind: ProviderKind, protocol: type[Any], names: set[str], core: PluginRegistry
) -> None:
    assert hasattr(hookspecs, hook)
    assert set(core.names(kind)) == names
    assert all(core.provider(kind, name).summary for name in names)


def test_core_offers_no_arm(core: PluginRegistry) -> None:
    assert core.names("backend") == ()


@pytest.mark.parametrize(("kind", "protocol", "name"), MADE_FROM_DEFAULTS)
def test_what_is_made_from_defaults_follows_its_protocol(
    kind: ProviderKind,
    protocol: type[Any],
    name: str,
    core: PluginRegistry,
    context: BuildContext,
) -> None:
    provider = core.provider(kind, name)

    made = provider.create(provider.config_type(), context)

    asked = {member for member in vars(protocol) if not member.startswith("_")}
    assert {member for member in asked if not hasattr(made, member)} == set()


@pytest.mark.parametrize(("kind", "protocol", "name"), MADE_FROM_DEFAULTS)
def test_settings_refuse_what_they_do_not_know(
    kind: ProviderKind, protocol: type[Any], name: str, core: PluginRegistry
) -> None:
    with pytest.raises(ValueError, match="no_such_key"):
        core.provider(kind, name).config_type.model_validate({"no_such_key": 1})
