"""The metrics besides the first objective: each with its results, its fit and its posterior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headway.wire.trial import MeasuredValue
from headway_server.domain.goals import Goals
from headway_server.engine.fits.task import FitTask, Fitted
from headway_server.engine.gp.kernel import Array
from headway_server.engine.models.model import Model
from headway_server.engine.models.observations import Observations
from headway_server.engine.placement import Placement
from headway_server.engine.points.encoding import Encoding


class OtherMetrics:
    """Kept in step with the first objective: told, fitted and adopted together with it."""

    def __init__(self, goals: Goals, width: int, where: Placement) -> None:
        self._where = where
        self.signs = {name: goals.signs[name] for name in goals.metrics[1:]}
        self._observations = {name: Observations(width) for name in self.signs}
        self.models: dict[str, Model] = {}

    def append(self, row: Array, metrics: Mapping[str, MeasuredValue]) -> None:
        """Add one result."""
        for name, sign in self.signs.items():
            measured = metrics[name]
            self._observations[name].append(row, sign * measured.value, measured.std_error or 0.0)

    def extend(self) -> None:
        """Bring the posteriors up to date."""
        for name, model in self.models.items():
            model.extend(self._observations[name])

    @property
    def usable(self) -> bool:
        """Whether every metric has a posterior."""
        return len(self.models) == len(self.signs) and all(
            model.posterior is not None for model in self.models.values()
        )

    def fit_due(self, n: int) -> bool:
        """Whether any metric should be fitted anew with n results."""
        self.extend()
        return any(model.fit_due(n) for model in self.models.values())

    def tasks(self, encoding: Encoding) -> dict[str, FitTask]:
        """A snapshot of each metric to fit."""
        return {
            name: FitTask(
                seen.rows.copy(),
                seen.utilities.copy(),
                seen.std_errors.copy(),
                encoding.parameter_of,
                encoding.categorical,
                self.models[name].fitted if name in self.models else None,
                self._where.at(len(seen)),
            )
            for name, seen in self._observations.items()
        }

    def snapshot(self) -> dict[str, Observations]:
        """Each metric's results of this moment."""
        return {name: seen.copy() for name, seen in self._observations.items()}

    def adopt(self, models: Mapping[str, Model]) -> None:
        """Use these models from now on."""
        self.models = {name: models[name] for name in self.signs}

    def postpone_fit(self, n: int) -> None:
        """A fit to n results failed: keep what there is and try again with more of them."""
        for model in self.models.values():
            model.postpone_fit(n)


@dataclass(frozen=True)
class FitTasks:
    """One fit for each metric, as one task: all of them are used, or none."""

    first: FitTask
    others: Mapping[str, FitTask]

    def run(self) -> Fitted:
        """The first objective's fit, with the others' in it; failed where one of them failed."""
        fitted = self.first.run()
        others = {name: task.run() for name, task in self.others.items()}
        seconds = fitted.fit_s + sum(one.fit_s for one in others.values())
        failed = next((f"{name}: {one.reason}" for name, one in others.items() if one.status != "ok"), None)
        if fitted.status == "ok" and failed is not None:
            return Fitted(status="failed", reason=failed, n_observed=fitted.n_observed, fit_s=seconds)
        return fitted.model_copy(update={"others": others, "fit_s": seconds})
