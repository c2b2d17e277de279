"""A campaign of the service over the fine-tunes' recipe, and what it gained over the default one.

    python -m headway_workers.rewarded_soups.campaign --trials 16 --seeds 8 --output campaign.json

The study runs on the service's API in this process. Steps, batch and number of soups are held, so that every
recipe costs the same; the hypervolume is sought under the bound on divergence, and with --connected under the
objective's bound on connectivity too, which the default recipe does not keep. The recipe that the study holds
for the best is then compared with the default one at other seeds, fine-tunes and texts alike, which the
search never saw.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from headway import Client
from headway.best import Front
from headway.wire.base import Params
from headway_workers.rewarded_soups.objective import RewardedSoups

SOUGHT = ("lr", "kl_coef", "temperature", "trainable", "advantage_norm")
DEFAULT: Params = {
    "lr": 3e-3,
    "kl_coef": 0.05,
    "temperature": 1.0,
    "trainable": "all",
    "advantage_norm": True,
}
"""`Recipe`'s own."""
OTHER_SEEDS = 1_000
MARGIN = "margin_in_errors"


@dataclass(frozen=True)
class Plan:
    """A campaign's size."""

    pair: str = "haha-sentiment"
    steps: int = 40
    batch: int = 24
    soups: int = 5
    trials: int = 16
    texts: int = 600
    seeds: int = 3
    """Fresh ones, for the comparison."""
    connected: bool = False
    """Whether a recipe has to keep linear mode connectivity."""

    @property
    def demanded(self) -> list[str]:
        """Constraints, as a study takes them."""
        return [
            one for one in RewardedSoups.outcome_constraints if self.connected or not one.startswith(MARGIN)
        ]

    @property
    def held(self) -> Params:
        """What every recipe has."""
        return {"pair": self.pair, "steps": self.steps, "batch": self.batch, "n_lambda": self.soups}


@dataclass(frozen=True)
class Gain:
    """The best recipe beside the default one, at seeds that the search never saw."""

    best: Params
    selected: float
    """Its hypervolume in the search, which it was picked for."""
    of_best: list[float]
    of_default: list[float]
    margins: list[float]
    """Of connectivity, the best recipe's smallest at each seed, in standard errors."""
    gain: float
    """Mean difference of the hypervolumes over the seeds."""
    standard_error: float
    """Of that mean, over the seeds."""


def run(plan: Plan, cache: Path | None = None) -> Gain:
    """Search, then compare."""
    objective = RewardedSoups(cache, texts=plan.texts)
    space = {one.name: one for one in objective.parameters if one.name in SOUGHT}
    with tempfile.TemporaryDirectory() as folder, Client.local(f"{folder}/campaign.db") as client:
        study = client.create_study(
            "soup-recipe",
            space,
            maximize="hypervolume",
            outcome_constraints=plan.demanded,
            budget=plan.trials,
        )
        for trial in study.trials():
            with trial:
                found = objective.evaluate(plan.held | trial.params, seed=trial.number)
                if found.status == "ok":
                    value, error = found.objectives["hypervolume"], found.noise["hypervolume"]
                    trial.finish({"hypervolume": (value, error), **found.constraints})
                else:
                    trial.infeasible(found.reason or "", found.status)
                click.echo(f"{trial.number} {found.status} {found.objectives} {found.constraints}")
        best = study.best()
    if best is None or isinstance(best, Front):
        raise RuntimeError(f"none of {plan.trials} recipes kept {' and '.join(plan.demanded)}")
    again, default = (
        [objective.evaluate(plan.held | recipe, seed=OTHER_SEEDS + k) for k in range(plan.seeds)]
        for recipe in (best.params, DEFAULT)
    )
    of_best, of_default = ([one.objectives["hypervolume"] for one in found] for found in (again, default))
    differences = np.subtract(of_best, of_default)
    return Gain(
        best.params,
        best.value,
        of_best,
        of_default,
        [one.constraints[MARGIN] for one in again],
        float(differences.mean()),
        float(differences.std(ddof=1) / np.sqrt(plan.seeds)),
    )


def main() -> None:
    """Entry."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in asdict(Plan()).items():
        if value is False:
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--output", type=Path)
    options = vars(parser.parse_args())
    output = options.pop("output")
    text = json.dumps(asdict(run(Plan(**options))), indent=1)
    click.echo(text)
    if output is not None:
        output.write_text(text + "\n")


if __name__ == "__main__":
    main()
