"""POST …/model:explain: why a point."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headway.wire.base import Params, Request, Response
from headway.wire.study import Interval
from headway.wire.trial import Receipt


class ExplainRequest(Request):
    """Body of POST …/model:explain: a trial, or any point."""

    trial: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    params: Params | None = None
    nearest: Annotated[int, Field(ge=0, le=50)] = 5
    """How many measured points to name."""
    alternatives: Annotated[int, Field(ge=0, le=10)] = 3
    """How many other points to name."""


class Score(Response):
    """What the acquisition function sees at a point, in the model's scale: the transformed objective, larger
    is better. Points in flight at the time are left out: they are not known any more.
    """

    acquisition: Literal["ucb", "log-ei"]
    """`ucb`: mean + √β sd, at the receipt's β. `log-ei`: the logarithm of the expected improvement, where
    there is no β: for an improvement, and in place of a random path or of no model at all."""
    mean: float
    """What is expected: exploitation."""
    sd: float
    beta: float | None
    exploration: float | None
    """√β sd: what not knowing is worth."""
    best: float
    """The largest mean at a measured point."""
    p_improvement: float
    """How probable it is that the point beats that, noise aside."""
    p_feasible: float | None
    """How probable it is that the point has a value; None while every point had one."""
    total: float
    """The acquisition's value, weighed by feasibility."""


class Nearest(Response):
    """A measured point, and what it says about the one that is explained."""

    trial: int
    params: Params
    value: float
    """The first objective: what was measured there, averaged in the model's scale."""
    similarity: float
    """Correlation under the model's kernel: 1 at the point itself, 0 far away."""
    weight: float
    """In the posterior mean: mean − m = Σ weight (value − m) over all measured points, in the model's
    scale."""


class Alternative(Response):
    """Another point that the model could have chosen."""

    params: Params
    predicted: Interval
    score: Score


class Explanation(Response):
    """Answer to POST …/model:explain."""

    trial: int | None
    params: Params
    receipt: Receipt | None
    """How the trial was made, as it was written down then."""
    model_version: int
    n_observed: int
    as_made: bool
    """Whether the model is the one that made the trial: its hyperparameters, and its results. The present one
    speaks where no model made it, in a large study, and where results have been corrected or excluded since.
    """
    predicted: Interval
    """Of the first objective."""
    metrics: dict[str, Interval] = Field(default_factory=dict)
    """Of every metric that is modelled, where there is more than one."""
    score: Score | None
    """None with several objectives, outcome constraints or a fidelity: the receipt has what was weighed."""
    nearest: tuple[Nearest, ...]
    """The most similar first."""
    alternatives: tuple[Alternative, ...] = ()
    """Local optima of the same acquisition elsewhere, best first; empty where there is no score."""
