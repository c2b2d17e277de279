"""The best trials of a study, to be printed: one, or a front of several objectives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headway.wire.base import Params
from headway.wire.study import Best


class BestTrial(Best):
    """The best trial, and what the model believes of it. `print()` it."""

    objective: str

    def __str__(self) -> str:
        point = point_of(self.params)
        value = _short(self.value) + ("" if self.std_error is None else f" ± {_short(self.std_error)}")
        line = f"{self.objective} = {value} at {point} (trial {self.trial}"
        if self.posterior is not None:
            line += (
                f"; the model says {_short(self.posterior.mean)}, "
                f"95 % interval {_short(self.posterior.low)} to {_short(self.posterior.high)}"
            )
        return line + ")"


@dataclass(frozen=True)
class Front:
    """The best trials of a study with several objectives, best first objective first. `print()` it.

    No other trial is better than one of them in some objective and no worse in the others.
    """

    trials: tuple[BestTrial, ...]
    objectives: tuple[str, ...]

    def __iter__(self) -> Iterator[BestTrial]:
        return iter(self.trials)

    def __len__(self) -> int:
        return len(self.trials)

    def __getitem__(self, index: int) -> BestTrial:
        return self.trials[index]

    def __str__(self) -> str:
        lines = [f"a front of {len(self.trials)} over {', '.join(self.objectives)}:"]
        for trial in self.trials:
            values = ", ".join(f"{name} = {_short(trial.metrics[name])}" for name in self.objectives)
            lines.append(f"  {values} at {point_of(trial.params)} (trial {trial.trial})")
        return "\n".join(lines)


def point_of(params: Params) -> str:
    """A point as people read it."""
    return ", ".join(f"{name}={_short(value)}" for name, value in params.items())


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
