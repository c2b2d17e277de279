"""Fine-tunes that are kept: by what they depend on, so that a worker that was killed does not start over.

A fine-tune's name is a hash of the pretrained networks, the task (rewards, recipe, seed) and the kind of
device. Under it lie the trained parameters at each number of steps that was asked for, and, in one file that
is replaced every 20 steps, what is needed to go on from the latest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from headway_workers.rewarded_soups.text.fetch import POLICY, REACTIONS, cache_folder, write_whole
from headway_workers.rewarded_soups.text.policy import pretrained
from headway_workers.rewarded_soups.text.reinforce import FineTune, Progress, Task

FORMAT = 1
"""Of the algorithm and the files: another number trains anew."""
KEPT_EVERY = 20
"""Steps."""


class TimeIsUp(Exception):
    """The deadline passed during a fine-tune. What was done is kept."""


def fine_tuned(
    task: Task,
    steps: int,
    *,
    device: str = "cpu",
    cache: Path | None = None,
    late: Callable[[], bool] = lambda: False,
) -> dict[str, Tensor]:
    """The policy's parameters after so many steps, all of them, on the CPU; from the cache where it can be.

    Raises:
        TimeIsUp: `late` said so between two steps.
        FloatingPointError: the policy left the finite numbers.
        DataUnavailable: the pretrained networks can't be had.
    """
    start, _ = pretrained()
    folder = (cache or cache_folder()) / "fine-tunes"
    name = fingerprint(task, device)
    ready, resume = folder / f"{name}-{steps}.safetensors", folder / f"{name}-latest.safetensors"
    if not ready.exists():
        run = FineTune(task, device, _latest(resume, steps))
        while run.steps < steps:
            if late():
                _keep(run, resume)
                raise TimeIsUp
            run.step()
            if run.steps % KEPT_EVERY == 0:
                _keep(run, resume)
        _keep(run, resume)
        write_whole(ready, save(run.progress().parameters))
    return {**start, **load_file(ready)}


def fingerprint(task: Task, device: str) -> str:
    """Of all that a fine-tune depends on but its steps. Devices round differently, so their kind is in it."""
    content = {
        "format": FORMAT,
        "networks": [POLICY.sha256, REACTIONS.sha256],
        "task": task.content,
        "device": torch.device(device).type,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _keep(run: FineTune, path: Path) -> None:
    if run.steps:  # before the first step there is nothing to keep
        write_whole(path, save({**run.progress().tensors, _STEPS: torch.tensor(run.steps)}))


def _latest(path: Path, most: int) -> Progress | None:
    """What is kept, where it is not beyond the steps that are asked for."""
    if not path.exists():
        return None
    tensors = load_file(path)
    steps = int(tensors.pop(_STEPS))
    return Progress(steps, tensors) if steps <= most else None


_STEPS = "steps"
