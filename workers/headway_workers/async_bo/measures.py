"""What is read off a run: regret, redundancy, and how far it explores.

The first results are the Sobol start's, which are the same for every method and are left out of all but
regret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.run import Trace

FLOOR = 1e-6
"""Regret below this counts as this: differences between 1e-9 and 1e-7 mean nothing."""
NEAR = 0.05
"""A query this near to another, in lengthscales, repeats it."""


def log_regret(trace: Trace) -> float:
    """log10 of the simple regret at the end."""
    return float(np.log10(np.maximum(trace.regret()[-1], FLOOR)))


def mean_log_regret(trace: Trace) -> float:
    """Mean over the results of log10 of the simple regret so far: the area under its curve."""
    return float(np.log10(np.maximum(trace.regret(), FLOOR)).mean())


def log_regret_at(trace: Trace, moment: float) -> float:
    """log10 of the simple regret at a simulated moment, in mean evaluation times; NaN before any result."""
    came = trace.ended <= moment
    if not came.any():
        return float("nan")
    return float(np.log10(max(np.nanmin(trace.values[came]) - trace.at.minimum, FLOOR)))


def recommended_log_regret(trace: Trace) -> float:
    """log10 of the regret of the result that the model recommends at the end: where values are noisy, the
    best value evaluated is not known to be it.
    """
    return float(np.log10(max(trace.recommended - trace.at.minimum, FLOOR)))


def redundancy(trace: Trace) -> float:
    """Share of the model's queries that repeat a point in flight."""
    return float((_pending_distance(trace) < NEAR).mean())


def pending_distance(trace: Trace) -> float:
    """Median distance of the model's queries to the nearest point in flight, in lengthscales."""
    return float(np.median(_pending_distance(trace)))


def optimum_distance(trace: Trace) -> float:
    """Mean distance of the model's queries to the minimiser, in lengthscales; NaN where none is known."""
    if trace.at.minimiser is None:
        return float("nan")
    away = trace.points[_chosen(trace)] - trace.at.minimiser
    return float(np.sqrt(np.vecdot(away, away)).mean() / trace.at.unit)


def exploration(trace: Trace) -> float:
    """Mean standard deviation of the model at its own queries, in units of the values' own; 0 without one."""
    sds = trace.sds[~np.isnan(trace.sds)]
    return float(sds.mean() / np.nanstd(trace.values)) if len(sds) else 0.0


MEASURES: Mapping[str, Callable[[Trace], float]] = MappingProxyType(
    {
        "log_regret": log_regret,
        "mean_log_regret": mean_log_regret,
        "recommended_log_regret": recommended_log_regret,
        "redundancy": redundancy,
        "pending_distance": pending_distance,
        "optimum_distance": optimum_distance,
        "exploration": exploration,
    }
)
"""By name; each is one number a run."""


def _chosen(trace: Trace) -> npt.NDArray[np.bool_]:
    """Which queries the model chose; all, where a method has none."""
    by_model = ~np.isnan(trace.sds)
    return by_model if by_model.any() else np.ones_like(by_model)


def _pending_distance(trace: Trace) -> Array:
    found = trace.nearest_pending[_chosen(trace)] / trace.at.unit
    return np.asarray(found[~np.isnan(found)])
