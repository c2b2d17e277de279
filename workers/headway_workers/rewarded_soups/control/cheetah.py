"""The task: a cheetah that is paid for velocity and charged for effort, and what a policy earns in it.

r = v − α ‖a‖² per step, with v the forward velocity in m/s and a the six controls in [−1, 1]. The paper's two
rewards are "risky", α = 0, and "cautious", α = 1; its body is Brax's humanoid. Both terms are read from the
environment's `info`, so every α is exact.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv
from numpy.typing import NDArray

from headway_workers.rewarded_soups.interpolation import State

Array = NDArray[np.floating[Any]]

STEPS = 200
"""Of an episode: 10 s of the cheetah's life, 0.05 s each."""
RISKY, CAUTIOUS = 0.0, 1.0
"""The two prices α of effort."""
PRETRAINING = 0.1
"""The price in the environment's own reward."""
SCALED_BY = 2_000
"""Random steps whose mean and standard deviation standardise observations, for every policy alike."""

log = logging.getLogger(__name__)


class Scale(NamedTuple):
    """Mean and standard deviation of observations, (17,) each."""

    mean: Array
    deviation: Array


class Cheetah(gymnasium.Wrapper[Any, Any, Any, Any]):
    """HalfCheetah-v5 with the reward v − α ‖a‖², episodes of 200 steps and standardised observations.

    Of the bodies of gymnasium it takes the least time per step, and it never falls, so episodes have one
    length.
    """

    def __init__(self, alpha: float) -> None:
        mujoco.set_mju_user_warning(log.debug)  # by default MuJoCo writes a file where one happens to be
        super().__init__(HalfCheetahEnv(ctrl_cost_weight=1.0))
        self._alpha, self._done = alpha, 0
        self._scale = scale()

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """A new episode."""
        self._done = 0
        observation, info = self.env.reset(**options)
        return self._standardised(observation), info

    def step(self, action: Array) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step; `info` has `x_velocity` in m/s and `effort`, ‖a‖²."""
        observation, _, _, _, info = self.env.step(action)
        self._done += 1
        info["effort"] = -info["reward_ctrl"]
        reward = float(info["x_velocity"] - self._alpha * info["effort"])
        return self._standardised(observation), reward, False, self._done >= STEPS, info

    def _standardised(self, observation: Array) -> Array:
        return (observation - self._scale.mean) / self._scale.deviation


@cache
def scale() -> Scale:
    """What observations are standardised by: the body's under uniformly random controls."""
    environment = HalfCheetahEnv()
    rng = np.random.default_rng(0)
    observation, _ = environment.reset(seed=0)
    seen = [observation]
    for step in range(1, SCALED_BY):
        if step % STEPS == 0:
            observation, _ = environment.reset()
        else:
            observation, *_ = environment.step(rng.uniform(-1.0, 1.0, 6))  # type: ignore[no-untyped-call]
        seen.append(observation)
    environment.close()  # type: ignore[no-untyped-call]
    return Scale(np.mean(seen, axis=0), np.std(seen, axis=0))


def controls(state: State, observations: Array) -> Array:
    """The mean action of a policy at observations (n, 17), clipped to [−1, 1]: (n, 6).

    The actor of stable-baselines3's `MlpPolicy`: two layers of tanh and a linear one. In double precision:
    how many observations are asked for at once changes the rounding, and contacts amplify it.
    """
    hidden = np.asarray(observations, dtype=np.float64)
    for layer in ("mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2"):
        hidden = np.tanh(hidden @ state[f"{layer}.weight"].numpy().T + state[f"{layer}.bias"].numpy())
    actions = hidden @ state["action_net.weight"].numpy().T + state["action_net.bias"].numpy()
    return np.asarray(np.clip(actions, -1.0, 1.0))


def episodes(state: State, seeds: Sequence[int], prices: Sequence[float] = (RISKY, CAUTIOUS)) -> Array:
    """Mean reward per step at each price, of one episode a seed: (seeds, prices).

    The policy acts by its mean, so an episode depends on its seed alone, which sets its start: policies that
    are given the same seeds start alike.
    """
    environments = [Cheetah(0.0) for _ in seeds]
    observations = np.stack(
        [one.reset(seed=int(seed))[0] for one, seed in zip(environments, seeds, strict=True)]
    )
    velocity, effort = np.zeros(len(seeds)), np.zeros(len(seeds))
    for _ in range(STEPS):
        actions = controls(state, observations)
        for i, one in enumerate(environments):
            observations[i], _, _, _, info = one.step(actions[i])
            velocity[i] += info["x_velocity"]
            effort[i] += info["effort"]
    for one in environments:
        one.close()
    return np.stack([(velocity - price * effort) / STEPS for price in prices], axis=1)
