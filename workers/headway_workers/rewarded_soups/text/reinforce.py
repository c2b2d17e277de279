"""Fine-tuning by REINFORCE with a divergence from the start: the same algorithm for every reward.

Of a batch of texts y with rewards R(y), each step of Adam descends the gradient of

    mean_y [ −A(y) log π(y) + β Σ_t KL(π(·|y_<t) ‖ π₀(·|y_<t)) ],      A = (R − mean R) [/ sd R],

where the divergence is exact over the alphabet at each prefix that was drawn. Its gradient is taken with the
prefixes held fixed: what a symbol does to the divergence of later prefixes is not credited to it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from headway_workers.rewarded_soups.text.generation import roll_out, uniforms
from headway_workers.rewarded_soups.text.policy import policy_of, pretrained
from headway_workers.rewarded_soups.text.reading import Beside
from headway_workers.rewarded_soups.text.rewards import Values, rewards

Trainable = Literal["head", "head_rnn2", "all"]
_LAYERS: dict[Trainable, tuple[str, ...]] = {
    "head": ("attention", "output"),
    "head_rnn2": ("attention", "output", "rnn_2"),
    "all": ("attention", "output", "rnn_2", "rnn_1", "embedding"),
}
TRAINABLE: tuple[Trainable, ...] = tuple(_LAYERS)

_DRAWS = 11
"""Key of the numbers that training texts are drawn with."""
_LEAST_DEVIATION = 1e-6
"""Of rewards in a batch, below which they are all alike."""


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune; the same for every reward."""

    learning_rate: float = 3e-3
    kl_coef: float = 0.05
    """β, per nat of a text's divergence."""
    batch: int = 48
    temperature: float = 1.0
    """Of the policy while it trains."""
    trainable: Trainable = "all"
    advantage_norm: bool = True
    """Whether a batch's advantages are divided by their standard deviation."""


@dataclass(frozen=True)
class Task:
    """What to fine-tune towards: the weighted sum of rewards, and where the draws come from."""

    weights: tuple[tuple[str, float], ...]
    """Names of rewards and their weights."""
    recipe: Recipe
    seed: int = 0

    @property
    def content(self) -> dict[str, object]:
        """What the outcome depends on, beside the start and the steps."""
        return asdict(self)


@dataclass(frozen=True)
class Progress:
    """Where a fine-tune stands."""

    steps: int
    tensors: dict[str, Tensor]
    """Trained parameters by name, and Adam's moments of each under `first.` and `second.` before it."""

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The trained parameters alone."""
        return {name: one for name, one in self.tensors.items() if not name.startswith(_MOMENTS)}


_MOMENTS = ("first.", "second.")


class FineTune:
    """A policy on its way from the start towards a task."""

    def __init__(self, task: Task, device: str = "cpu", progress: Progress | None = None) -> None:
        start, self._alphabet = pretrained()
        self.task, self._device = task, device
        self._reference = policy_of(start, device).requires_grad_(requires_grad=False)
        self.policy = policy_of(start, device).requires_grad_(requires_grad=False)
        self._trained = {
            name: parameter
            for name, parameter in self.policy.named_parameters()
            if name.partition(".")[0] in _LAYERS[task.recipe.trainable]
        }
        for parameter in self._trained.values():
            parameter.requires_grad_()
        self._adam = torch.optim.Adam(self._trained.values(), lr=task.recipe.learning_rate)
        self.steps = 0
        if progress is not None:
            self._resume(progress)

    def step(self) -> Values:
        """One batch and one step; the batch's rewards, one a text.

        Raises:
            FloatingPointError: the policy has left the finite numbers.
        """
        recipe = self.task.recipe
        numbers = uniforms(recipe.batch, self.task.seed, _DRAWS, self.steps)
        reader = Beside(self.policy, self._reference, temperature=recipe.temperature)
        written = roll_out(reader, numbers, self._alphabet.boundary)
        reward = weighted(self.task, written.texts(self._alphabet), self._device)
        advantage = reward - reward.mean()
        if recipe.advantage_norm:
            advantage /= max(float(reward.std()), _LEAST_DEVIATION)
        credit = torch.as_tensor(advantage, dtype=torch.float32, device=self._device)
        loss = (recipe.kl_coef * written.divergence - credit * written.log_likelihood).mean()
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        self.steps += 1
        if not all(bool(torch.isfinite(one).all()) for one in self._trained.values()):
            raise FloatingPointError(f"Fine-tuning left the finite numbers at step {self.steps}.")
        return reward

    def progress(self) -> Progress:
        """What is needed to go on from here; copies, on the CPU."""
        tensors = {}
        for name, parameter in self._trained.items():
            state = self._adam.state[parameter]
            tensors[name] = parameter.detach().cpu().clone()
            tensors[f"first.{name}"] = state["exp_avg"].cpu().clone()
            tensors[f"second.{name}"] = state["exp_avg_sq"].cpu().clone()
        return Progress(self.steps, tensors)

    def _resume(self, progress: Progress) -> None:
        self.steps = progress.steps
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(progress.tensors[name])
                self._adam.state[parameter] = {
                    "step": torch.tensor(float(progress.steps)),
                    "exp_avg": progress.tensors[f"first.{name}"].to(self._device),
                    "exp_avg_sq": progress.tensors[f"second.{name}"].to(self._device),
                }


def weighted(task: Task, texts: list[str], device: str = "cpu") -> Values:
    """The task's reward of each text, (N,)."""
    names = [name for name, _ in task.weights]
    return np.asarray(rewards(texts, names, device) @ [weight for _, weight in task.weights])
