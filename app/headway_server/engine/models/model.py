"""A fit and the posterior under it: kept up with the results, asked in the objective's own units."""

from __future__ import annotations

import math

import numpy as np

from headway.wire.model import Hyperparameters, ModelSummary
from headway.wire.study import Interval
from headway.wire.trial import Prediction
from headway_server.domain.space import SearchSpace
from headway_server.engine.fits.outcomes import Transform
from headway_server.engine.fits.task import Fitted, measurement_variances
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.models.observations import Observations
from headway_server.engine.placement import Placement, posterior_on

Z_95 = 1.959963984540054
ALWAYS_REFIT_UNTIL = 40
"""A fit costs milliseconds up to here, and the hyperparameters still move with every point."""
REFIT_GROWTH = 0.1
SURPRISE_GROWTH = 0.02
"""A surprised model is not refitted before it has grown by this share."""


class Model:
    """The posterior under one fit.

    Its bits are a function of the fit and the results in order: it is built from the results that the
    fit saw, and extended by the others one at a time, however they arrived.
    """

    def __init__(
        self,
        fitted: Fitted,
        hyperparameters: Hyperparameters,
        transform: Transform,
        device: str | None = None,
    ) -> None:
        self.fitted = fitted
        self.hyperparameters = hyperparameters
        self.transform = transform
        self.device = device
        """A torch device; None: NumPy on the host."""
        self.posterior: Posterior | None = None
        """None where the kernel matrix has no Cholesky factor."""
        self._failed = False
        self._fit_tried_at = fitted.n_observed
        self._surprise: list[float] = []

    @classmethod
    def under(cls, fitted: Fitted, where: Placement) -> Model:
        """Under a fit that found something, without a posterior yet."""
        if fitted.hyperparameters is None or fitted.transform is None:
            raise AssertionError(f"the fit to {fitted.n_observed} results failed: {fitted.reason}")
        device = where.at(fitted.n_observed)
        return cls(fitted, fitted.hyperparameters, fitted.transform, device)

    @property
    def ready(self) -> Posterior:
        """The posterior, of a model that has one."""
        if self.posterior is None:
            raise AssertionError("a model without a posterior can't be asked")
        return self.posterior

    def extend(self, seen: Observations) -> None:
        """Take up the results that are not in the posterior yet."""
        n = len(seen)
        done = 0 if self.posterior is None else self.posterior.n
        if self._failed or done == n:
            return
        rows, utilities = seen.rows, seen.utilities[done:]
        z = self.transform.forward(utilities)
        variances = measurement_variances(self.transform, utilities, seen.std_errors[done:])
        first = 0
        if self.posterior is None:
            first = min(n, self.fitted.n_observed)
            self.posterior = posterior_on(
                self.device, self.hyperparameters, rows[:first], z[:first], variances[:first]
            )
        for i in range(first, len(z)):
            if self.posterior is None:
                break
            error = self.posterior.append(rows[done + i], float(z[i]), float(variances[i]))
            if error is None:
                self.posterior = None
            else:
                self._surprise.append(error)
        self._failed = self.posterior is None

    def fit_due(self, n: int) -> bool:
        """Whether to fit anew with n results.

        Always while there are few; when they have grown by a tenth; when the one-step-ahead errors
        since the fit, which would sum to about their number k if the model were right, exceed
        k + 6 √(2k); and when the posterior has broken down.
        """
        new = n - self._fit_tried_at
        if new <= 0:
            return False
        if n <= ALWAYS_REFIT_UNTIL or self._failed or new >= REFIT_GROWTH * self._fit_tried_at:
            return True
        k = len(self._surprise)
        surprised = sum(e * e for e in self._surprise) > k + 6.0 * math.sqrt(2.0 * k)
        return surprised and new >= SURPRISE_GROWTH * self._fit_tried_at

    def postpone_fit(self, n: int) -> None:
        """A fit to n results failed: keep what there is and try again with more of them."""
        self._fit_tried_at = max(self._fit_tried_at, n)
        self._surprise.clear()

    @property
    def repeats_teach_nothing(self) -> bool:
        """Whether the inferred noise is so small that an observed point need not be measured again."""
        return self.hyperparameters.noise <= 1e-2 * self.hyperparameters.outputscale


def prediction(model: Model, posterior: Posterior, row: Array, sign: float) -> Prediction:
    """Mean and sd of the objective at one row (d,)."""
    mean, sd = model.transform.moments(*posterior.moments(row[None]))
    return Prediction(mean=sign * float(mean[0]), sd=float(sd[0]))


def intervals(model: Model, posterior: Posterior, rows: Array, sign: float) -> list[Interval]:
    """Central 95 % intervals of the latent objective at rows (r, d)."""
    mean_z, sd_z = posterior.moments(rows)
    mean, sd = model.transform.moments(mean_z, sd_z)
    ends = sign * model.transform.backward(np.stack([mean_z - Z_95 * sd_z, mean_z + Z_95 * sd_z]))
    low, high = ends.min(axis=0), ends.max(axis=0)
    return [
        Interval(mean=sign * float(m), sd=float(s), low=float(a), high=float(b))
        for m, s, a, b in zip(mean, sd, low, high, strict=True)
    ]


def summary(model: Model, version: int, space: SearchSpace, seen: Observations) -> ModelSummary:
    """Hyperparameters, importance and leave-one-out figures. The root mean squared error compares each
    value with the median that all others predict.
    """
    inverse = np.array([1.0 / model.hyperparameters.lengthscales[block.start] for block in space.blocks])
    share = inverse / inverse.sum()
    coverage = rmse = None
    if model.posterior is not None:
        mean, sd = model.posterior.leave_one_out()
        coverage = float((np.abs(model.posterior.z - mean) <= Z_95 * sd).mean())
        error = np.abs(model.transform.backward(mean) / 2 - seen.utilities / 2)
        size = max(float(error.max()), 1e-300)
        rmse = min(2.0 * size * float(np.sqrt(np.mean((error / size) ** 2))), 1.7e308)
    return ModelSummary(
        version=version,
        n_observed=len(seen),
        fit_s=model.fitted.fit_s,
        hyperparameters=model.hyperparameters,
        importance={b.parameter.name: float(s) for b, s in zip(space.blocks, share, strict=True)},
        loo_coverage=coverage,
        loo_rmse=rmse,
    )
