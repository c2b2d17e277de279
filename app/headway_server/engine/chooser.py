"""From a study's model to its next point: what the strategy wants there, searched, and not taken yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headway.wire.base import Params
from headway_server.domain.goals import Goals
from headway_server.engine.choice import Taken, another, first_free
from headway_server.engine.goals.feasibility import Feasibility
from headway_server.engine.goals.fidelity import FidelityAxis
from headway_server.engine.goals.goal_surface import GoalSurface
from headway_server.engine.goals.outcome_constraints import WeighedSurface
from headway_server.engine.gp.kernel import Array
from headway_server.engine.models.model import Model, prediction
from headway_server.engine.points.encoding import Encoding
from headway_server.engine.randomness import Purpose, stream
from headway_server.engine.search.restarts import Effort, search
from headway_server.engine.search.surfaces import Surface
from headway_server.engine.search.trust_region import MANY_DIMENSIONS, MANY_RESULTS, TrustRegion
from headway_server.engine.strategies.standard import Draw, ModelBased, ModelFree


@dataclass(frozen=True)
class Found:
    """What the search found."""

    row: Array
    """(d,)."""
    value: float
    """The surface's, there."""
    local: bool
    """Whether the search was held to the trust region."""


@dataclass(frozen=True)
class Request:
    """What one point is chosen for."""

    draw: Draw
    taken: Taken
    encoding: Encoding
    """Of the points that have the values which the request holds."""


class Chooser:
    """Knows the goals, and what results teach besides the models: where points are feasible, and whether
    looking near the incumbent or everywhere has paid.
    """

    def __init__(self, goals: Goals, encoding: Encoding) -> None:
        self._goals = goals
        self._feasibility = Feasibility(encoding.n_parameters, encoding.categorical)
        self._region = TrustRegion(encoding.width)
        self._strays = False
        """Whether results came from outside the space: an incumbent may be no point of it."""
        self._axis = None if goals.fidelity is None else FidelityAxis(goals.fidelity, encoding)

    def tell(self, row: Array, utility: float, *, valid: bool = True) -> None:
        """Take note of a result of the first objective at (d,), a point of the space unless it is not
        `valid`.
        """
        self._strays = self._strays or not valid
        self._feasibility.append(row, feasible=True)
        self._region.tell(row, utility)

    def tell_infeasible(self, row: Array) -> None:
        """Take note that the point (d,) has no value."""
        self._feasibility.append(row, feasible=False)

    @property
    def infeasible(self) -> Array:
        """(i, d): the points without a value."""
        return self._feasibility.infeasible

    @property
    def log_feasibility(self) -> Surface | None:
        """Log p(x) that a point has a value; None while all had one."""
        return self._feasibility.surface()

    def by_sample(self, strategy: ModelFree, request: Request) -> Params:
        """A model-free strategy's point, or another where that is taken."""
        rng, taken, encoding = request.draw.rng, request.taken, request.encoding
        sample = strategy.sample(request.draw, encoding.n_parameters)
        rows = encoding.feasible(encoding.from_samples(sample[None]), rng)
        if first_free(rows, encoding, taken, avoid_observed=True) is None:
            return encoding.params(another(encoding, taken, rng, avoid_observed=True))
        return encoding.params(rows[0])

    def by_model(
        self, strategy: ModelBased, model: Model, others: Mapping[str, Model], request: Request
    ) -> tuple[Params, dict[str, object]]:
        """A model-based strategy's point, and what the receipt says of it. All models have posteriors."""
        if self._goals.plain:
            row, found, account = self._plain(strategy, model, request)
        else:
            row, found, account = self._weighed(strategy, model, others, request)
        return request.encoding.params(row), {
            **account,
            "acquisition_value": found.value,
            "local": found.local,
            "n_fitted": model.fitted.n_fitted,
            "device": model.ready.device,
        }

    def _plain(
        self, strategy: ModelBased, model: Model, request: Request
    ) -> tuple[Array, Found, dict[str, object]]:
        """The point of one plain objective: the fast way."""
        posterior, draw = model.ready, request.draw
        surface = strategy.surface(posterior, draw, strategy.given(posterior, draw))
        means = posterior.means_at_data()
        log_p = self._feasibility.surface()
        if log_p is not None:
            surface = WeighedSurface(surface, log_p, float(means.min()))
        incumbents = posterior.rows[np.argsort(-means, kind="stable")[: Effort.incumbents]]
        found = self._best(model, surface, incumbents, request)
        account: dict[str, object] = {
            "beta": surface.beta,
            "path_id": surface.path_id,
            "n_hallucinated": surface.n_given,
            "transform": model.transform.kind,
            "predicted": prediction(model, posterior, found.row, self._goals.signs[self._goals.metrics[0]]),
            "p_feasible": None if log_p is None else float(np.exp(log_p.values(found.row[None])[0])),
        }
        return found.row, found, account

    def _weighed(
        self, strategy: ModelBased, model: Model, others: Mapping[str, Model], request: Request
    ) -> tuple[Array, Found, dict[str, object]]:
        """The point where the goals are more than one plain objective."""
        models = {self._goals.metrics[0]: model, **others}
        goal = GoalSurface(self._goals, models, self._axis, self._feasibility.surface())
        sought = goal.sought(strategy, request.draw)
        found = self._best(model, sought.surface, sought.incumbents, request)
        row, choice = found.row, None
        if self._axis is not None and self._axis.parameter not in request.encoding.held:
            avoid, taken = model.repeats_teach_nothing, request.taken
            row, choice = self._axis.choose(
                model.ready, row, lambda at: taken.is_free(at, avoid_observed=avoid)
            )
        return row, found, {**goal.account(sought, row), "fidelity": choice}

    def _best(self, model: Model, surface: Surface, incumbents: Array, request: Request) -> Found:
        """The surface's best row that is not taken. It starts from rows (b, d), best first, too."""
        posterior, encoding, taken = model.ready, request.encoding, request.taken
        rng = stream(request.draw.seed, request.draw.number, Purpose.SEARCH)
        effort = Effort()
        incumbents = incumbents[: effort.incumbents]
        if self._strays:
            incumbents = encoding.snap(incumbents)
        local = _local_mode_takes_part(posterior.n, encoding) and self._region.chosen(rng)
        if local:
            rows, values = self._region.search(surface, posterior, incumbents[0], rng, effort)
        else:
            rows, values = search(surface, posterior, encoding, incumbents, rng=rng, effort=effort)
        avoid_observed = model.repeats_teach_nothing
        place = first_free(rows, encoding, taken, avoid_observed=avoid_observed)
        if place is not None:
            return Found(rows[place], float(values[place]), local)
        row = another(encoding, taken, rng, avoid_observed=avoid_observed)
        return Found(row, float(surface.values(row[None])[0]), local=False)


def _local_mode_takes_part(n_observed: int, encoding: Encoding) -> bool:
    """In many dimensions or with many results; in spaces of real numbers that nothing binds."""
    large = encoding.width >= MANY_DIMENSIONS or n_observed >= MANY_RESULTS
    return large and encoding.all_continuous and not encoding.held and encoding.polytope is None
