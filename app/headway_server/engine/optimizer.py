"""The engine's only door: tell it results, ask it for points."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headway.wire.base import Params
from headway.wire.explanation import Alternative, Score
from headway.wire.model import ModelSummary
from headway.wire.study import DEFAULT_STRATEGY, Interval, Objective
from headway.wire.trial import MeasuredValue, Receipt
from headway_server.domain.errors import NotFinite, UnknownStrategy, ValidationFailed
from headway_server.domain.feasibility import require_feasible
from headway_server.domain.goals import Goals
from headway_server.domain.held import NOTHING_HELD, Held
from headway_server.domain.readings import Reading
from headway_server.domain.space import SearchSpace
from headway_server.engine.choice import Taken
from headway_server.engine.chooser import Chooser, Request
from headway_server.engine.explanation import Near, Scored, nearest
from headway_server.engine.fits.task import FitTask, Fitted
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.replicates import Sites
from headway_server.engine.models.model import Model, intervals, summary
from headway_server.engine.models.observations import Observations
from headway_server.engine.models.other_metrics import FitTasks, OtherMetrics
from headway_server.engine.models.preparation import Preparation, Prepared
from headway_server.engine.placement import placement
from headway_server.engine.points.encoding import Encoding
from headway_server.engine.randomness import Purpose, stream
from headway_server.engine.strategies.in_flight import QLogNEI
from headway_server.engine.strategies.registry import STRATEGIES
from headway_server.engine.strategies.standard import Draw, LogEI, ModelBased, ModelFree, Sobol

ENCODINGS = 8
"""For so many sets of held values encodings are kept; the one unused for longest goes first."""
NO_FACTOR = "the kernel matrix has no Cholesky factor, whatever the jitter"


@dataclass(frozen=True)
class Suggestion:
    """A point and how it was made."""

    params: Params
    receipt: Receipt


@dataclass(frozen=True)
class Explained:
    """Why a point."""

    nearest: list[Near]
    score: Score | None
    alternatives: list[Alternative]


def default_n_initial(n_parameters: int) -> int:
    """Length of the Sobol start: d + 2, at least 4 and at most 10.

    Chosen by simulation (8 workers with exponential times, 100 evaluations, 8 seeds, medians): against
    2 d + 2, at most 20, a start of 10 cut the regret on Levy-10 from 7.8 to 5.1 and log10 Rosenbrock-8
    from 2.4 to 2.0, and left Hartmann-6 and Ackley-10 alone. Under the dimension-scaled prior a few
    points serve the model better than many blind ones.
    """
    return max(4, min(n_parameters + 2, 10))


class Optimizer:
    """Bayesian optimisation of one study, one process, one thread; fits may run in another.

    Equal arguments, results (in order), fits, `number`, `pending` and `given_out` give bitwise equal
    suggestions on one machine, whatever else the process has done.

    `version` is that of the last fit that was made before, of these data or of what they were before a
    correction: fits count on from there. `device` is `auto` (a CUDA device where there is one and the study
    is large), `cpu` or `cuda`.

    Raises:
        UnknownStrategy: naming the strategies that there are.
        ValidationFailed, DeviceUnavailable: the device; see `placement.placement`.
        ConstraintsInfeasible: no point satisfies the space's constraints.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        strategy: str = DEFAULT_STRATEGY,
        seed: int = 0,
        maximize: bool = False,
        goals: Goals | None = None,
        n_initial: int | None = None,
        refit: Literal["inline", "external"] = "inline",
        device: str = "cpu",
        version: int = 0,
    ) -> None:
        if strategy not in STRATEGIES:
            raise UnknownStrategy.at(
                "/strategy", f"There is no strategy {strategy!r}.", f"Choose one of {', '.join(STRATEGIES)}."
            )
        require_feasible(space)
        self._where = placement(device)
        self.space = space
        self.strategy: ModelBased | ModelFree = STRATEGIES[strategy]()
        self.seed = seed
        self.n_initial = default_n_initial(len(space.parameters)) if n_initial is None else n_initial
        self._refit = refit
        self._encoding = Encoding(space)
        self._encodings: dict[str, Encoding] = {}
        self.goals = goals or Goals((Objective(goal="maximize" if maximize else "minimize"),))
        self._sign = self.goals.signs[self.goals.metrics[0]]
        self._others = OtherMetrics(self.goals, self._encoding.width, self._where)
        self._observations = Observations(self._encoding.width)
        self._chooser = Chooser(self.goals, self._encoding)
        self._model: Model | None = None
        self._version = version
        self._fit_failed_at = 0
        self._last_number = 0
        self._given_out: list[Params] = []

    @property
    def n_observed(self) -> int:
        """How many results it was told."""
        return len(self._observations)

    @property
    def model_version(self) -> int:
        """Version of the hyperparameters; 0: none fitted yet."""
        return self._version

    @property
    def fitted(self) -> Fitted | None:
        """The fit in use, to be stored and adopted by another process."""
        return None if self._model is None else self._model.fitted

    @property
    def asks_botorch(self) -> bool:
        """Whether its model is asked through `engine.boundary`, which imports torch: that takes seconds."""
        several = len(self.goals.objectives) > 1
        return isinstance(self.strategy, (QLogNEI, LogEI) if several else QLogNEI)

    def starts(self, number: int) -> bool:
        """Whether the trial of this number would belong to the Sobol start, and need no model."""
        return number <= self.n_initial or self.n_observed < 2

    def tell(self, params: Params, value: float, std_error: float | None = None) -> None:
        """Take up a result of one objective. Cheap: the posterior follows at the next question.

        Raises:
            ValidationFailed: the goals have further metrics; `tell_metrics` takes those.
            UnknownParameter, MissingParameter, OutOfBounds, NotFinite: naming what is wrong.
        """
        if self._others.signs:
            names = ", ".join(self.goals.metrics)
            raise ValidationFailed.at("/metrics", f"One value of {names}.", "Give all by tell_metrics.")
        self._tell(Reading(self.space.check(params)), value, std_error)

    def take(self, reading: Reading, metrics: Mapping[str, MeasuredValue] | None) -> None:
        """Take up a result at a point that was read as data, which may lie outside the space: every metric
        that the goals name, or None where the point has no value.

        Raises:
            ValidationFailed: a metric is missing.
            NotFinite: naming what is wrong.
        """
        if metrics is None:
            self._tell_infeasible(reading)
        else:
            self._tell_metrics(reading, metrics)

    def _tell(self, reading: Reading, value: float, std_error: float | None) -> None:
        if not math.isfinite(value):
            raise NotFinite.at("/value", f"The value is {value}.", "Give a finite number.")
        if std_error is not None and not (math.isfinite(std_error) and std_error >= 0):
            raise NotFinite.at("/std_error", f"The standard error is {std_error}.", "Give a number ≥ 0.")
        row = self._row(reading)
        self._observations.append(row, self._sign * value, std_error or 0.0)
        self._chooser.tell(row, self._sign * value, valid=reading.valid)
        self._given_out.clear()

    def _row(self, reading: Reading) -> Array:
        if reading.params is None:
            raise AssertionError(f"a result that is set aside was told: {reading.why}")
        return np.asarray(self._encoding.rows([reading.params])[0])

    def tell_metrics(self, params: Params, metrics: Mapping[str, MeasuredValue]) -> None:
        """Take up a result of every metric that the goals name; others are left aside.

        Raises:
            ValidationFailed: a metric is missing.
            UnknownParameter, MissingParameter, OutOfBounds, NotFinite: naming what is wrong.
        """
        self._tell_metrics(Reading(self.space.check(params)), metrics)

    def _tell_metrics(self, reading: Reading, metrics: Mapping[str, MeasuredValue]) -> None:
        for name in self.goals.metrics:
            if name not in metrics:
                raise ValidationFailed.at(f"/metrics/{name}", f"The metric {name!r} is missing.", "Give it.")
            if not math.isfinite(metrics[name].value):
                value = metrics[name].value
                raise NotFinite.at(f"/metrics/{name}", f"{name} is {value}.", "Give a finite number.")
        measured = metrics[self.goals.metrics[0]]
        self._tell(reading, measured.value, measured.std_error)
        if self._others.signs:
            self._others.append(self._observations.rows[-1].tolist(), metrics)

    def tell_infeasible(self, params: Params) -> None:
        """Take up that a point has no value. It is not suggested again while there is another.

        Raises:
            UnknownParameter, MissingParameter, OutOfBounds: naming what is wrong.
        """
        self._tell_infeasible(Reading(self.space.check(params)))

    def _tell_infeasible(self, reading: Reading) -> None:
        self._chooser.tell_infeasible(self._row(reading))
        self._given_out = [given for given in self._given_out if given != reading.params]

    def ask(
        self,
        pending: Sequence[Params] = (),
        *,
        number: int | None = None,
        given_out: Sequence[Params] | None = None,
        held: Held = NOTHING_HELD,
        unready: str | None = None,
    ) -> Suggestion:
        """The next point.

        `number` is the trial's (from 1; None: one more than the last). `pending` are the points in
        flight, `given_out` those among them that were handed out at the present posterior (None: what
        this object has handed out since the last result or fit). The point has the values that are
        `held` (see `domain.held.check_held`), and is the best choice of the others. Where the model can't be
        asked yet, `unready` says why: the point is a Sobol point then, and its receipt has the reason.
        """
        began = time.perf_counter()
        number = self._last_number + 1 if number is None else number
        self._last_number = max(self._last_number, number)
        given = list(self._given_out if given_out is None else given_out)
        encoding = self._encoding_of(held.values)
        params, receipt = self._choose(number, list(pending), given, encoding, unready)
        if held.values:
            receipt = _revised(receipt, fixed=held.fixed or None, context=held.context or None)
        self._given_out.append(params)
        elapsed = 1e3 * (time.perf_counter() - began)
        return Suggestion(params, receipt.model_copy(update={"compute_ms": elapsed}))

    def predict(self, points: Sequence[Params], *, checked: bool = False) -> list[Interval]:
        """The latent objective at each point: mean, sd and central 95 % interval, in its own units. Points
        that were `checked`, or read as data, are taken as they are.

        Empty where there is nothing to predict from: no results yet, or no usable fit.
        """
        model = self._current_model()
        if model is None or model.posterior is None or not points:
            return []
        rows = self._encoding.rows([point if checked else self.space.check(point) for point in points])
        return intervals(model, model.posterior, rows, self._sign)

    def predict_metrics(
        self, points: Sequence[Params], *, checked: bool = False
    ) -> dict[str, list[Interval]]:
        """As `predict`, for every metric of goals that name more than one; otherwise empty."""
        model = self._current_model()
        if model is None or not self._others.signs or not self._others.usable or not points:
            return {}
        rows = self._encoding.rows([point if checked else self.space.check(point) for point in points])
        models = {self.goals.metrics[0]: model, **self._others.models}
        return {
            name: intervals(one, one.posterior, rows, self.goals.signs[name])
            for name, one in models.items()
            if one.posterior is not None
        }

    def explain(
        self, point: Params, *, beta: float | None, number: int = 0, near: int = 5, alternatives: int = 3
    ) -> Explained | None:
        """Why this checked point: its score under UCB's β, or as an improvement (None); the `near` measured
        points; and so many `alternatives`, equal for equal `number`. The score and the alternatives are of
        one plain objective. None where there is nothing to predict from.
        """
        model = self._current_model()
        if model is None or model.posterior is None:
            return None
        (row,) = self._encoding.rows([point])
        nearby = nearest(model, self._encoding, row, near, self._sign)
        if not self.goals.plain:
            return Explained(nearby, None, [])
        scored = Scored(model, self._chooser.log_feasibility, beta, self._sign)
        rng = stream(self.seed, number, Purpose.EXPLANATION)
        return Explained(
            nearby, scored.score(row), scored.alternatives(row, self._encoding, alternatives, rng)
        )

    def summary(self) -> ModelSummary:
        """What the model has learnt. Leave-one-out figures are None where there is no usable model."""
        model = self._current_model()
        if model is None:
            return ModelSummary(version=self._version, n_observed=self.n_observed)
        return summary(model, self._version, self.space, self._observations)

    def fit_due(self) -> bool:
        """Whether hyperparameters should be fitted now."""
        if self.n_observed < 2 or isinstance(self.strategy, ModelFree):
            return False
        if self._model is None:
            return self.n_observed > self._fit_failed_at
        self._model.extend(self._observations)
        return self._model.fit_due(self.n_observed) or self._others.fit_due(self.n_observed)

    def fit_task(self) -> FitTask | FitTasks:
        """A snapshot to fit. Needs at least one result."""
        seen = self._observations
        task = FitTask(
            seen.rows.copy(),
            seen.utilities.copy(),
            seen.std_errors.copy(),
            self._encoding.parameter_of,
            self._encoding.categorical,
            self.fitted,
            self._where.at(len(seen)),
        )
        others = self._others.tasks(self._encoding)
        return FitTasks(task, others) if others else task

    def preparation(self, fitted: Fitted, begun: Prepared | None = None) -> Preparation:
        """A snapshot from which to build the posteriors under a fit that found something, or to go on with
        those `begun`. Their bits are those that they get where the fit is adopted without.
        """
        return Preparation(fitted, self._observations.copy(), self._others.snapshot(), self._where, begun)

    def behind(self, prepared: Prepared) -> int:
        """How many results have come since; 0 where there is no posterior to bring up to date."""
        posterior = prepared.first.posterior
        return 0 if posterior is None else self.n_observed - posterior.n

    def adopt(self, fitted: Fitted, version: int, prepared: Prepared | None = None) -> None:
        """Use a fit from now on. A failed one changes nothing, and is not tried again at the same data.

        With what its `preparation` has built, the next question takes up only the results since then;
        without, it builds the posteriors, unless the fit is the one in use under another version.
        """
        if prepared is None and fitted == self.fitted:
            self._version = version
            self._given_out.clear()
        elif fitted.hyperparameters is not None:
            prepared = prepared or Prepared.of(fitted, self._where)
            self._model = prepared.first
            self._others.adopt(prepared.others)
            self._version = version
            self._given_out.clear()
        elif self._model is not None:
            self._model.postpone_fit(fitted.n_observed)
            self._others.postpone_fit(fitted.n_observed)
        else:
            self._fit_failed_at = fitted.n_observed

    def _current_model(self) -> Model | None:
        """The model with every result in it; fitted first where there is no fit or, inline, one is due."""
        if self.n_observed == 0:
            return None
        unfitted = self._model is None and self.n_observed > self._fit_failed_at
        if unfitted or (self._refit == "inline" and self.fit_due()):
            self.adopt(self.fit_task().run(), self._version + 1)
        if self._model is not None:
            self._model.extend(self._observations)
            self._others.extend()
        return self._model

    def _encoding_of(self, held: Params) -> Encoding:
        """The encoding of the points that have the held values. Kept: constraints make it dear."""
        if not held:
            return self._encoding
        key = repr(sorted(held.items()))
        encoding = self._encodings.pop(key, None) or Encoding(self.space, held)
        self._encodings[key] = encoding
        if len(self._encodings) > ENCODINGS:
            del self._encodings[next(iter(self._encodings))]
        return encoding

    def _choose(
        self,
        number: int,
        pending: list[Params],
        given_out: list[Params],
        encoding: Encoding,
        unready: str | None,
    ) -> tuple[Params, Receipt]:
        receipt = Receipt(
            policy=self.strategy.name,
            strategy=self.strategy.name,
            n_observed=self.n_observed,
            n_pending=len(pending),
        )
        in_flight = Sites.among(self._encoding.rows(pending + given_out)).rows
        taken = Taken(np.concatenate([in_flight, self._chooser.infeasible]), self._observations.rows)
        rng = stream(self.seed, number, Purpose.STRATEGY)
        draw = Draw(rng, self.seed, number, in_flight, self._encoding.rows(given_out))
        request = Request(draw, taken, encoding)
        strategy = self.strategy
        if isinstance(strategy, ModelFree):
            return self._chooser.by_sample(strategy, request), receipt
        if self.starts(number):
            return self._chooser.by_sample(Sobol(), request), _revised(receipt, policy=Sobol.name)
        model = self._current_model() if unready is None else None
        if model is None or model.posterior is None or not self._others.usable:
            reason = unready or NO_FACTOR
            trouble = _revised(receipt, policy=Sobol.name, degraded=True, degraded_reason=reason)
            return self._chooser.by_sample(Sobol(), request), trouble
        params, account = self._chooser.by_model(strategy, model, self._others.models, request)
        return params, _revised(receipt, model_version=self._version, **account)


def _revised(receipt: Receipt, **changes: object) -> Receipt:
    return receipt.model_copy(update=changes)
