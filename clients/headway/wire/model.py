"""The model of a study: what it has learnt, and its predictions."""

from __future__ import annotations

from typing import Annotated

from pydantic import FailFast, Field

from headway.wire.base import Moment, Params, Request, Response
from headway.wire.study import Interval

MAX_POINTS = 5_000
"""Most points that one request asks about."""


class Hyperparameters(Response):
    """A fitted Gaussian process, in the units of the unit cube and the transformed objective."""

    lengthscales: tuple[float, ...]
    """One per coordinate of the unit cube."""
    categorical: tuple[int, ...] = ()
    """The coordinates that encode choices: their lengthscale ℓ makes two different ones e^{−1/ℓ} alike."""
    noise: float
    """Variance of the observation noise."""
    outputscale: float
    mean: float
    transform: str
    """Output transform that the leave-one-out density chose."""


class ModelSummary(Response):
    """Answer to GET /v1/studies/{s}/model."""

    version: int
    """0 until hyperparameters have been fitted."""
    n_observed: int
    fitted_at: Moment | None = None
    fit_s: float | None = None
    hyperparameters: Hyperparameters | None = None
    importance: dict[str, float] = Field(default_factory=dict)
    """Parameter → share of the inverse lengthscales; sums to 1."""
    loo_coverage: float | None = None
    """Share of observations inside their leave-one-out central 95 % interval."""
    loo_rmse: float | None = None
    """Leave-one-out root mean squared error, in the objective's units."""


class PredictRequest(Request):
    """Body of POST …/model:predict."""

    points: Annotated[tuple[Params, ...], Field(min_length=1, max_length=MAX_POINTS), FailFast()]


class PredictResponse(Response):
    """One interval a point, in order."""

    model_version: int
    n_observed: int
    predictions: tuple[Interval, ...]
    """Of the first objective."""
    metrics: dict[str, tuple[Interval, ...]] = Field(default_factory=dict)
    """Of every metric that is modelled, where there is more than the first objective."""
