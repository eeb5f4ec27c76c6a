"""Settings of the learners and of the reward model. Light: imports no torch and no numpy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Sizes = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SacConfig(_Frozen):
    """Soft actor-critic (Haarnoja et al. 2018), with the options of RLPD (Ball et al. 2023)."""

    hidden: Sizes = (256, 256)
    """widths of the hidden layers, of actor and critics alike"""
    critics: Count = 2
    target_subset: Count = 2
    """how many randomly drawn target critics the minimum is taken over"""
    layer_norm: bool = False
    """layer normalisation in the critics"""
    gamma: Share = 0.99
    tau: Share = 0.005
    actor_lr: Positive = 3e-4
    """also of the temperature"""
    critic_lr: Positive = 3e-4
    policy_follow: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """share of the way to the actor's newest weights that the policy goes at each update: below 1
    it is their running mean, which is steadier (Polyak and Juditsky 1992)"""
    batch_size: Count = 256
    critic_updates: Count = 1
    """critic updates for each update of the actor, each with its own batch"""
    initial_temperature: Positive = 0.1
    learn_temperature: bool = True
    target_entropy_per_action: float = -1.0
    """times the number of action elements"""
    entropy_in_backup: bool = True
    """whether the value counts entropy to come; off for sparse rewards"""
    online_capacity: Count = 100_000
    """transitions kept of those the arm made itself"""
    prior_capacity: Count = 20_000
    """transitions kept of demonstrations and corrections"""
    prior_share: Share = 0.5
    """share of each batch drawn from the prior transitions, once there are any"""
    exploration: Literal["entropy", "none"] = "entropy"
    """what is learned from before the first relabelling: state entropy (PEBBLE) or nothing"""
    exploration_neighbour: Count = 5
    exploration_particles: Count = 512
    reset_critic_at_first_labels: bool = True
    updates_after_reset: Annotated[int, Field(ge=0)] = 100
    """updates made at once after the critics were reset"""
    graph_updates: Count = 10
    """updates in one CUDA graph; without a GPU they run one by one"""

    @model_validator(mode="after")
    def _check(self) -> SacConfig:
        if self.target_subset > self.critics:
            raise ValueError(
                f"target_subset = {self.target_subset} is more than critics = {self.critics}"
            )
        if self.exploration_neighbour >= self.exploration_particles:
            raise ValueError("exploration_neighbour must be less than exploration_particles")
        return self


class BehaviourCloningConfig(_Frozen):
    """Imitation of demonstrated actions; the same network as SAC's actor, so that SAC can go on."""

    hidden: Sizes = (256, 256)
    learning_rate: Positive = 3e-4
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    batch_size: Count = 256
    capacity: Count = 100_000
    graph_updates: Count = 10


class RewardConfig(_Frozen):
    """Reward networks fitted to rankings of clips (Christiano et al. 2017, Lee et al. 2021)."""

    members: Count = 3
    hidden: Sizes = (128, 128)
    output: Literal["tanh", "linear", "distance"] = "tanh"
    """`distance`: minus the length of a vector of `embedding` outputs, for tasks with a goal"""
    embedding: Count = 8
    distances: Count = 1
    """how many such lengths add up to the reward"""
    inputs: tuple[str, ...] = ()
    """the observed elements that judgements are made by, such as "cube_from_tool.*"; empty = all
    of them and the action"""
    learning_rate: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    input_sparsity: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """how strongly inputs that explain no answer are shut out: the pull of every input's weights
    towards zero, as a share of the largest step the optimiser can make against it"""
    batch_size: Count = 16
    """rankings in a batch; small batches make the many steps that a few hundred answers need"""
    max_epochs: Count = 50
    """passes over the labels in one fit"""
    stop_accuracy: Share = 0.97
    """a fit ends once this share of the training pairs is ordered rightly"""
    patience: Count = 10
    """a fit ends after so many epochs without a better held-out loss"""
    bootstrap: bool = False
    """whether each member trains on its own draw, with replacement, of the labels"""
    warm_start: bool = True
    """whether a fit goes on from the last one"""
    label_noise: Share = 0.0
    """share of answers taken to be given at random; 0.1 suits people and the mistake teacher"""
    held_out_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.1
    """share of the queries never trained on, chosen by their id"""
    clip_score: Literal["sum", "mean"] = "sum"
    """how the rewards of a clip's steps make its score"""
    step_stride: Count = 1
    """only each n-th step of a clip is looked at; steps side by side say nearly the same"""
    input_clip: Positive = 10.0
    """normalised inputs are limited to this many standard deviations"""
    pessimism: Annotated[float, Field(ge=0.0)] = 0.0
    """how many standard deviations over members are taken off the reward"""
    output_mean: float = 0.0
    output_std: Positive = 1.0
    """mean and spread of the reward over the replay, after each relabelling"""


class TruthConfig(_Frozen):
    """The ground-truth baseline has nothing to set."""
