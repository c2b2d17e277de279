"""python -m headway_workers.rewarded_soups.control: the calibration on one core, written as JSON."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path

import click
import torch

from headway_workers.rewarded_soups.control.calibration import Budget, calibrate
from headway_workers.rewarded_soups.control.training import SOFTWARE

DEFAULT = Budget()


@click.command()
@click.option("--pretraining", default=DEFAULT.pretraining, show_default=True, help="Steps of a start.")
@click.option("--fine-tuning", default=DEFAULT.fine_tuning, show_default=True, help="Steps of each run.")
@click.option("--episodes", default=DEFAULT.episodes, show_default=True, help="For each policy.")
@click.option("--seed", default=0, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON.")
def main(pretraining: int, fine_tuning: int, episodes: int, seed: int, output: Path) -> None:
    """Pretrain, fine-tune for two rewards and between them, and compare soups with MORL."""
    torch.set_num_threads(1)
    began = time.monotonic()
    budget = Budget(pretraining, fine_tuning, episodes)

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - began:7.1f} s  {text}")

    found = calibrate(budget, seed, say=say).summary()
    found["seconds"] = round(time.monotonic() - began, 1)
    found["software"] = {name: version(name) for name in SOFTWARE}
    output.write_text(json.dumps(found, indent=1) + "\n")
    ratio, low, high = found["hypervolume_ratio"]
    say(f"HV(soup)/HV(MORL) = {ratio} ({low} to {high}); {output}")


if __name__ == "__main__":
    main()
