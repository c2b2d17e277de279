"""One fit of hyperparameters and output transform, as a task that can run beside the requests."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from headway.wire.base import Response
from headway.wire.model import Hyperparameters
from headway_server.engine.fits.estimation import maximise
from headway_server.engine.fits.hyperparameters import Data, cold_start, to_theta, to_wire
from headway_server.engine.fits.outcomes import CompressBad, Standardize, Transform
from headway_server.engine.fits.subset import FIT_TO_ALL_UNTIL, ON_DEVICE_UNTIL, SUBSET, chosen
from headway_server.engine.gp.kernel import Array
from headway_server.engine.placement import log_posterior_on, unless_full

COLD_UNTIL = 100
COLD_GROWTH = 1.2
"""Up to so many observations a fit also starts cold, whenever they have grown by this factor since the last
cold one: a bad mode is not kept for a whole study, and not every fit pays for that."""
BUDGET = 60
"""Evaluations of the marginal likelihood per start and transform where they are cheap."""
WARM_BUDGETS = ((1000, (10, 3)), (300, (20, 5)))
"""Beyond so many observations: evaluations for the transform in use and for the other. A warm fit that stops
early goes on at the next one."""
COLD_ON = 500
"""A cold start of more observations climbs on so many of them first: there an evaluation costs nothing, and
what is left for all of them is a warm fit's way."""
MIN_FOR_COMPRESSION = 8


class Fitted(Response):
    """Hyperparameters, the frozen output transform, and how they were found. Goes through JSON unharmed."""

    status: Literal["ok", "failed"]
    reason: str | None = None
    n_observed: int
    n_fitted: int = 0
    """How many of the observations the fit saw: a subset where there are very many."""
    fit_s: float = 0.0
    evaluations: int = 0
    cold_at: int = 0
    """Observations at the last fit that started cold too."""
    hyperparameters: Hyperparameters | None = None
    """None where the fit failed."""
    transform: Transform | None = None
    log_density: float | None = None
    """Leave-one-out log predictive density of the objective, summed over the observations."""
    other: Hyperparameters | None = None
    """What was found for the transform that was not chosen: the next fit's warm start."""
    others: dict[str, Fitted] = Field(default_factory=dict)
    """Where the study has further metrics: their fits."""


@dataclass(frozen=True)
class FitTask:
    """A snapshot of everything a fit needs. `run` may be called in any thread; it shares nothing."""

    rows: Array
    """(n, d)."""
    utilities: Array
    """(n,): larger is better."""
    std_errors: Array
    """(n,): 0 where not known."""
    parameter_of: npt.NDArray[np.intp]
    """(d,)."""
    categorical: npt.NDArray[np.bool_]
    """(d,)."""
    previous: Fitted | None = None
    device: str | None = None
    """A torch device; None: NumPy on the host."""

    def run(self) -> Fitted:
        """Fit. Numerical trouble is an answer with status "failed" and a reason, never an exception.

        Where the device has too little memory, the host does it.
        """
        if self.device is None:
            return self._fitted()
        return unless_full(self._fitted, replace(self, device=None).run)

    def _fitted(self) -> Fitted:
        all_until = FIT_TO_ALL_UNTIL if self.device is None else ON_DEVICE_UNTIL
        seen = chosen(self.rows, self.utilities, all_until, SUBSET)
        if len(seen) < len(self.rows):
            return self._of(seen).run().model_copy(update={"n_observed": len(self.rows)})
        began = time.perf_counter()
        n = len(self.utilities)
        candidates: list[Standardize | CompressBad] = [Standardize.fit(self.utilities)]
        if n >= MIN_FOR_COMPRESSION and (compressed := CompressBad.fit(self.utilities)) is not None:
            candidates.append(compressed)
        held = (
            self.previous.hyperparameters.transform if self.previous and self.previous.hyperparameters else ""
        )
        candidates.sort(key=lambda transform: transform.kind != held)  # the holder first
        fits = []
        warm = self.previous is not None or n > COLD_ON
        budgets = next((some for beyond, some in WARM_BUDGETS if warm and n > beyond), (BUDGET, BUDGET))
        for transform, budget in zip(candidates, budgets, strict=False):
            if (fit := self._fit(transform, budget)) is not None:
                fits.append(fit)
        if not fits:
            reason = "no positive definite kernel matrix at any starting point"
            return Fitted(status="failed", reason=reason, n_observed=n, fit_s=time.perf_counter() - began)
        fits.sort(key=lambda fit: -fit.log_density)
        best = fits[0]
        return Fitted(
            status="ok",
            n_observed=n,
            n_fitted=n,
            fit_s=time.perf_counter() - began,
            evaluations=sum(fit.evaluations for fit in fits),
            cold_at=n if self.previous is None or self._cold_due else self.previous.cold_at,
            hyperparameters=best.hyperparameters,
            transform=best.transform,
            log_density=best.log_density,
            other=fits[1].hyperparameters if len(fits) > 1 else None,
        )

    def _fit(self, transform: Standardize | CompressBad, budget: int) -> _Fit | None:
        data = Data(
            self.rows,
            transform.forward(self.utilities),
            measurement_variances(transform, self.utilities, self.std_errors),
            self.parameter_of,
            self.categorical,
        )
        warm = self._warm_start(transform)
        starts = [] if warm is None else [warm]
        if warm is None or self._cold_due:
            starts.append(cold_start(data.n_parameters))
        log_posterior = log_posterior_on(self.device, data)
        ends = [maximise(data, start, budget, log_posterior) for start in starts]
        maxima = [end for end in ends if end is not None]
        if not maxima:
            return None
        best = max(maxima, key=lambda maximum: maximum.log_posterior)
        density = best.held_out + transform.log_slope_sum(self.utilities)
        if not math.isfinite(density):
            return None
        hyperparameters = to_wire(best.theta, data, transform.kind)
        return _Fit(transform, hyperparameters, density, sum(m.evaluations for m in maxima))

    @property
    def _cold_due(self) -> bool:
        """Whether a cold start is to stand beside the warm one."""
        n = len(self.utilities)
        return self.previous is not None and n <= COLD_UNTIL and n >= COLD_GROWTH * self.previous.cold_at

    def _warm_start(self, transform: Standardize | CompressBad) -> Array | None:
        """What the last fit found, best for this transform; without one, what a part of many tells."""
        known: list[Hyperparameters | None] = []
        if self.previous is not None:
            known = [self.previous.hyperparameters, self.previous.other]
        elif len(self.rows) > COLD_ON:
            part = self._of(chosen(self.rows, self.utilities, COLD_ON, COLD_ON))
            fit = part._fit(transform, BUDGET)  # noqa: SLF001 (the same class)
            known = [None if fit is None else fit.hyperparameters]
        found = [h for h in known if h is not None]
        matching = [h for h in found if h.transform == transform.kind] or found
        return to_theta(matching[0], self.parameter_of) if matching else None

    def _of(self, seen: npt.NDArray[np.intp]) -> FitTask:
        """The same task for some of the observations."""
        return replace(
            self, rows=self.rows[seen], utilities=self.utilities[seen], std_errors=self.std_errors[seen]
        )


@dataclass(frozen=True)
class _Fit:
    transform: Standardize | CompressBad
    hyperparameters: Hyperparameters
    log_density: float
    evaluations: int


def measurement_variances(transform: Standardize | CompressBad, utilities: Array, std_errors: Array) -> Array:
    """Variances in units of z, (n,), by the transform's slope; at most 1e6."""
    with np.errstate(over="ignore"):
        scaled = np.minimum(std_errors * transform.slope(utilities), 1e3)
    return np.asarray(scaled * scaled)
