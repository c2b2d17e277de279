"""PPO (Schulman et al. 2017) by stable-baselines3, from scratch or from another policy, kept once trained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from headway_workers.rewarded_soups.control.cheetah import SCALED_BY, STEPS, Cheetah
from headway_workers.rewarded_soups.text.fetch import cache_folder, write_whole

ENVIRONMENTS = 8
"""Bodies that one policy moves at once: its network is asked once for all of them."""
SETTINGS: dict[str, Any] = {
    "n_steps": 256,
    "batch_size": 256,
    "n_epochs": 10,
    "gamma": 0.98,
    "gae_lambda": 0.95,
    "learning_rate": 3e-4,
}
HIDDEN = [64, 64]
SOFTWARE = ("stable-baselines3", "gymnasium", "mujoco", "torch")


@dataclass(frozen=True)
class Training:
    """One run of PPO. Its content names the policy that comes of it."""

    alpha: float
    """The price of effort in its reward."""
    steps: int
    """Steps of the environment; whole rounds of 2,048, at least this many."""
    seed: int
    start: Training | None = None
    """The run whose policy it goes on from; None: a network drawn by the seed."""

    @property
    def content(self) -> dict[str, object]:
        """All that the policy depends on."""
        return {
            "alpha": self.alpha,
            "steps": self.steps,
            "seed": self.seed,
            "start": None if self.start is None else self.start.content,
            "ppo": SETTINGS | {"environments": ENVIRONMENTS, "hidden": HIDDEN},
            "episode": [STEPS, SCALED_BY],
            "software": {name: version(name) for name in SOFTWARE},
        }

    @property
    def fingerprint(self) -> str:
        """A hash of the content."""
        text = json.dumps(self.content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def trained(training: Training, cache: Path | None = None) -> dict[str, torch.Tensor]:
    """The policy's state dict (actor, critic, log deviations) after a run, from the cache where it is.

    Deterministic in the training on one machine. Only tensors are kept, as safetensors: the library's own
    files hold pickles.
    """
    path = (cache or cache_folder()) / "control" / f"{training.fingerprint}.safetensors"
    if not path.exists():
        write_whole(path, save(_run(training, cache)))
    return load_file(path)


def _run(training: Training, cache: Path | None) -> dict[str, torch.Tensor]:
    environments = DummyVecEnv([partial(Cheetah, training.alpha)] * ENVIRONMENTS)
    with torch.random.fork_rng(devices=[]):
        model = PPO(
            "MlpPolicy",
            environments,
            seed=training.seed,
            device="cpu",
            policy_kwargs={"net_arch": HIDDEN},
            **SETTINGS,
        )
        if training.start is not None:
            model.policy.load_state_dict(trained(training.start, cache))
        model.learn(training.steps)
    environments.close()
    return {name: tensor.detach().clone() for name, tensor in model.policy.state_dict().items()}
