"""The optimizer where the goals are more than one plain objective."""

import numpy as np
import pytest

from headway.wire.space import Categorical, Float, Int
from headway.wire.study import Fidelity, Objective
from headway.wire.trial import MeasuredValue
from headway_server.domain.errors import NotFinite, ValidationFailed
from headway_server.domain.goals import Goals
from headway_server.domain.pareto import hypervolume
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import FOR_SEVERAL_OBJECTIVES
from headway_server.engine import STRATEGIES, Fitted, Optimizer, boundary
from headway_server.engine.fits import task as fitting_module
from headway_server.engine.strategies.standard import ModelBased
from tests.engine.reference import moments, single_task_gp
from tests.engine.spaces import box, mixed

A, B = Objective(name="a"), Objective(name="b", goal="maximize")
names = sorted(STRATEGIES)
modelled = [name for name in names if issubclass(STRATEGIES[name], ModelBased)]
KINDS = {
    "constrained": ([A], ["c <= 0.9", "b >= -1"], None),
    "several": ([A, B], [], None),
    "several constrained": ([A, B], ["c <= 0.9"], None),
    "fidelity": ([A], [], "x1"),
    "fidelity constrained": ([A], ["b >= -1.3"], "x1"),
}


def goals_of(kind, space=None):
    objectives, constraints, parameter = KINDS[kind]
    fidelity = parameter and Fidelity.model_validate({"parameter": parameter, "cost": {"fixed": 0.1}})
    return Goals.of(space or box(2), objectives, constraints, fidelity)


def measured(params):
    x, y = float(params["x0"]), float(params["x1"])
    values = {"a": (x - 0.3) ** 2 + (y - 0.4) ** 2, "b": -((x - 0.8) ** 2) - y, "c": x + y}
    return {name: MeasuredValue(value=value, std_error=0.01) for name, value in values.items()}


def told(kind, n=14, **settings):
    """An optimizer of the unit box that has seen n points."""
    optimizer = Optimizer(box(2), goals=goals_of(kind), **settings)
    for x, y in np.random.default_rng(0).random((n, 2)).tolist():
        optimizer.tell_metrics({"x0": x, "x1": y}, measured({"x0": x, "x1": y}))
    return optimizer


def supported(kind):
    return [name for name in modelled if "several" not in kind or name in FOR_SEVERAL_OBJECTIVES]


CASES = [(kind, name) for kind in KINDS for name in supported(kind)]


@pytest.mark.parametrize(("kind", "name"), CASES)
class TestEveryKindWithEveryStrategy:
    def test_the_receipt_says_how_the_point_was_made(self, kind, name):
        optimizer = told(kind, strategy=name)
        pending = [{"x0": 0.5, "x1": 0.5}]
        suggestion = optimizer.ask(pending, number=50)
        receipt, goals = suggestion.receipt, optimizer.goals
        assert optimizer.space.check(suggestion.params) == suggestion.params
        assert not receipt.degraded
        improvement = "several" in kind and name in ("logei", "hallucinated-logei", "qlognei")
        assert receipt.policy == ("qlognehvi" if improvement else name)
        assert (receipt.strategy, receipt.n_observed, receipt.n_pending) == (name, 14, 1)
        assert (receipt.p_feasible is not None) == bool(goals.constraints)
        assert receipt.p_feasible is None or 0.0 <= receipt.p_feasible <= 1.0
        if len(goals.metrics) > 1:
            assert receipt.predicted_metrics.keys() == set(goals.metrics)
            assert receipt.predicted_metrics["a"] == receipt.predicted
        else:
            assert receipt.predicted_metrics is None
        weighed = "several" in kind and not improvement
        assert (receipt.weights is not None) == weighed
        assert not weighed or sum(receipt.weights.values()) == pytest.approx(1.0)
        assert (receipt.fidelity is not None) == ("fidelity" in kind)
        if receipt.fidelity is not None:
            assert suggestion.params["x1"] == pytest.approx(receipt.fidelity.value, abs=1e-12)

    def test_equal_histories_give_bitwise_equal_answers(self, kind, name):
        pending = [{"x0": 0.25, "x1": 0.5}]
        quiet, busy = told(kind, strategy=name, seed=3), told(kind, strategy=name, seed=3)
        busy.ask(number=20)
        busy.predict_metrics(pending)
        first, second = (o.ask(pending, number=60, given_out=pending) for o in (quiet, busy))
        assert first.params == second.params
        apart = {"compute_ms"}
        assert first.receipt.model_dump(exclude=apart) == second.receipt.model_dump(exclude=apart)

    def test_no_point_is_given_out_twice_at_one_posterior(self, kind, name):
        optimizer = told(kind, strategy=name)
        points = [tuple(optimizer.ask(number=50 + k).params.values()) for k in range(4)]
        assert len(set(points)) == 4


class TestModels:
    def test_each_metric_has_the_posterior_of_its_own_single_task_gp(self):
        optimizer = told("several constrained", 30)
        fitted = optimizer.fit_task().run()
        optimizer.adopt(fitted, 1)
        at = np.random.default_rng(3).random((9, 2))
        found = optimizer.predict_metrics([{"x0": x, "x1": y} for x, y in at.tolist()])
        rows = np.random.default_rng(0).random((30, 2))
        for name, fit in {"a": fitted, **fitted.others}.items():
            sign = optimizer.goals.signs[name]
            values = [measured({"x0": x, "x1": y})[name].value for x, y in rows.tolist()]
            optimizer_of_one = Optimizer(box(2), maximize=sign > 0, refit="external")
            for (x, y), value in zip(rows.tolist(), values, strict=True):
                optimizer_of_one.tell({"x0": x, "x1": y}, value, 0.01)
            optimizer_of_one.adopt(fit.model_copy(update={"others": {}}), 1)
            alone = optimizer_of_one.predict([{"x0": x, "x1": y} for x, y in at.tolist()])
            assert found[name] == alone

    def test_without_measurement_errors_it_is_botorchs(self):
        optimizer = Optimizer(box(2), goals=goals_of("several"), refit="external")
        rows = np.random.default_rng(0).random((25, 2))
        for x, y in rows.tolist():
            values = {name: m.value for name, m in measured({"x0": x, "x1": y}).items()}
            optimizer.tell_metrics(
                {"x0": x, "x1": y}, {name: MeasuredValue(value=value) for name, value in values.items()}
            )
        fitted = optimizer.fit_task().run()
        optimizer.adopt(fitted, 1)
        at = np.random.default_rng(3).random((9, 2))
        optimizer.ask(number=90)
        for name, fit in {"a": fitted, "b": fitted.others["b"]}.items():
            sign = optimizer.goals.signs[name]
            utilities = np.array([sign * measured({"x0": x, "x1": y})[name].value for x, y in rows.tolist()])
            reference = single_task_gp(fit.hyperparameters, rows, fit.transform.forward(utilities))
            mean, sd = fit.transform.moments(*moments(reference, at))
            found = optimizer.predict_metrics([{"x0": x, "x1": y} for x, y in at.tolist()])[name]
            np.testing.assert_allclose([one.mean for one in found], sign * mean, atol=1e-6)
            np.testing.assert_allclose([one.sd for one in found], sd, atol=1e-6)

    def test_fits_go_through_json_and_are_adopted_together(self):
        optimizer, other = (told("several constrained", refit="external") for _ in range(2))
        assert optimizer.fit_due()
        stored = optimizer.fit_task().run()
        assert stored.others.keys() == {"b", "c"}
        again = Fitted.model_validate_json(stored.model_dump_json())
        assert again == stored
        optimizer.adopt(stored, 3)
        other.adopt(again, 3)
        assert not optimizer.fit_due()
        assert optimizer.ask(number=50).params == other.ask(number=50).params
        optimizer.tell_metrics({"x0": 0.5, "x1": 0.5}, measured({"x0": 0.5, "x1": 0.5}))
        assert optimizer.fit_due()
        assert optimizer.ask(number=51).receipt.model_version == 3
        assert optimizer.fitted == stored

    def test_one_metric_that_fails_fails_the_fit_by_name(self, monkeypatch):
        optimizer = told("several", refit="external")
        optimizer.adopt(optimizer.fit_task().run(), 1)
        optimizer.tell_metrics({"x0": 0.5, "x1": 0.5}, measured({"x0": 0.5, "x1": 0.5}))
        whole, calls = fitting_module.maximise, []

        def fail(data, start, *rest):
            calls.append(start)
            return whole(data, start, *rest) if len(calls) <= 2 else None  # the first metric's two starts

        monkeypatch.setattr(fitting_module, "maximise", fail)
        fitted = optimizer.fit_task().run()
        assert fitted.status == "failed"
        assert fitted.reason.startswith("b: ")
        optimizer.adopt(fitted, 2)
        assert optimizer.model_version == 1
        assert not optimizer.fit_due()
        assert not optimizer.ask(number=50).receipt.degraded

    def test_predictions_of_one_plain_objective_name_no_metrics(self):
        optimizer = Optimizer(box(1))
        optimizer.tell({"x0": 0.1}, 1.0)
        assert optimizer.predict_metrics([{"x0": 0.5}]) == {}


class TestTelling:
    def test_what_is_missing_or_not_finite_is_refused_by_name(self):
        optimizer = told("several constrained")
        metrics = measured({"x0": 0.1, "x1": 0.1})
        with pytest.raises(ValidationFailed, match="'c'"):
            optimizer.tell_metrics({"x0": 0.1, "x1": 0.1}, {k: v for k, v in metrics.items() if k != "c"})
        with pytest.raises(NotFinite, match="b is nan"):
            optimizer.tell_metrics({"x0": 0.1, "x1": 0.1}, metrics | {"b": MeasuredValue(value=float("nan"))})
        with pytest.raises(ValidationFailed, match="a, b, c"):
            optimizer.tell({"x0": 0.1, "x1": 0.1}, 1.0)
        assert optimizer.n_observed == 14

    def test_a_plain_objective_may_come_by_name_too(self):
        by_value, by_name = Optimizer(box(1), maximize=True), Optimizer(box(1), goals=Goals((B,)))
        for k in range(6):
            by_value.tell({"x0": k / 6}, float(k % 4))
            by_name.tell_metrics({"x0": k / 6}, {"b": MeasuredValue(value=float(k % 4))})
        assert by_value.ask(number=30).params == by_name.ask(number=30).params


@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if "fidelity" not in case[0]])
@pytest.mark.parametrize(
    "values",
    [[0.0] * 8, [1e300, -1e300] * 4, [1.0] * 7 + [1e200], [5e-324, 0.0] * 4],
    ids=["equal", "huge", "outlier", "subnormal"],
)
def test_strange_values_give_sensible_points(kind, name, values):
    optimizer = Optimizer(box(2), strategy=name, goals=goals_of(kind), n_initial=1)
    for i, value in enumerate(values):
        metrics = {key: MeasuredValue(value=value) for key in "abc"}
        optimizer.tell_metrics({"x0": i / 8, "x1": (3 * i % 8) / 8}, metrics)
    suggestion = optimizer.ask(number=20)
    assert optimizer.space.check(suggestion.params)
    assert not suggestion.receipt.degraded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["rucb", "logei", "thompson"])
def test_points_without_values_count_too(kind, name):
    optimizer = told(kind, strategy=name)
    for k in range(6):
        optimizer.tell_infeasible({"x0": 0.9 + k / 100, "x1": 0.9 - k / 100})
    receipt = optimizer.ask(number=50).receipt
    assert 0.3 < receipt.p_feasible <= 1.0
    assert receipt.n_observed == 14


def test_points_conditioned_on_raise_what_is_to_be_improved_on_where_they_are_feasible():
    optimizer = told("constrained", strategy="hallucinated-logei")
    pending = [{"x0": 0.3, "x1": 0.4}, {"x0": 0.31, "x1": 0.41}]
    beside = optimizer.ask(pending, number=50, given_out=[])
    assert beside.receipt.n_hallucinated == 2
    alone = optimizer.ask([], number=50, given_out=[])
    assert beside.receipt.acquisition_value < alone.receipt.acquisition_value


@pytest.mark.parametrize("name", ["rucb", "logei", "thompson"])
def test_mixed_spaces_keep_to_their_values(name):
    space = mixed()
    goals = Goals.of(space, [A, B], ["c <= 1"])
    optimizer = Optimizer(space, strategy=name, goals=goals, n_initial=4)
    for k in range(8):
        params = optimizer.ask().params
        assert space.check(params) == params
        value = params["shift"] + 0.1 * params["depth"] + k % 2
        optimizer.tell_metrics(params, {key: MeasuredValue(value=value) for key in "abc"})


def test_a_small_finite_space_is_given_out_whole_at_every_fidelity():
    space = SearchSpace.checked([Categorical(("u", "v"), name="c"), Int(1, 3, name="n")])
    goals = Goals.of(space, [A], (), Fidelity(parameter="n"))
    optimizer = Optimizer(space, goals=goals, n_initial=1)
    for point, value in (({"c": "u", "n": 1}, 1.0), ({"c": "v", "n": 3}, 2.0)):
        optimizer.tell_metrics(point, {"a": MeasuredValue(value=value)})
    pending = []
    for k in range(4):
        pending.append(optimizer.ask(pending, number=10 + k, given_out=[]).params)
    assert len({tuple(point.values()) for point in pending}) == 4


def zdt1(params):
    """Zitzler et al. 2000, test function T1: two objectives to be minimised."""
    x = list(params.values())
    g = 1.0 + 9.0 * float(np.mean(x[1:]))
    return x[0], g * (1.0 - np.sqrt(x[0] / g))


def volume(name, seed, evaluations=22):
    goals = Goals.of(box(4), [Objective(name="f"), Objective(name="g")])
    optimizer = Optimizer(box(4), strategy=name, seed=seed, goals=goals)
    points = []
    for _ in range(evaluations):
        params = optimizer.ask().params
        f, g = zdt1(params)
        points.append((-f, -g))
        optimizer.tell_metrics(params, {"f": MeasuredValue(value=f), "g": MeasuredValue(value=g)})
    return hypervolume(points, (-1.1, -6.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rucb", "ucb", "thompson", pytest.param("logei", marks=pytest.mark.long)])
def test_two_objectives_dominate_clearly_more_than_random_search(name):
    floor = np.median([volume("random", seed, 22) for seed in range(5)])
    best = 6.6 - 1.0 / 3.0  # the volume of the whole front
    assert np.median([volume(name, seed) for seed in range(2)]) > floor + 0.6 * (best - floor)


def gardner(name, seed, evaluations=25):
    """Gardner et al. 2014, simulation 2: the regret of the best feasible point."""
    space = SearchSpace.checked([Float(0, 6, name="x"), Float(0, 6, name="y")])
    goals = Goals.of(space, [Objective(name="f")], ["c <= -0.95"])
    optimizer = Optimizer(space, strategy=name, seed=seed, goals=goals)
    best = np.inf
    for _ in range(evaluations):
        params = optimizer.ask().params
        f = np.sin(params["x"]) + params["y"]
        c = np.sin(params["x"]) * np.sin(params["y"])
        best = min(best, f) if c <= -0.95 else best
        optimizer.tell_metrics(params, {"f": MeasuredValue(value=f), "c": MeasuredValue(value=c)})
    grid = np.linspace(0, 6, 1501)
    x, y = np.meshgrid(grid, grid)
    return best - (np.sin(x) + y)[np.sin(x) * np.sin(y) <= -0.95].min()


@pytest.mark.slow
@pytest.mark.parametrize("name", modelled)
def test_the_optimum_of_a_small_feasible_region_is_found(name):
    seeds = range(1 if name == "qlognei" else 3)  # it takes as long as all others together
    assert np.median([gardner(name, seed) for seed in seeds]) < 0.05


def test_random_search_does_not_find_the_small_feasible_region():
    assert np.median([gardner("random", seed) for seed in range(3)]) > 1.0


def branin_at(params):
    """Branin on the unit square, with a bias that a fidelity of 1 takes away."""
    x, y, s = 15 * params["x0"] - 5, 15 * params["x1"], params.get("s", 1.0)
    value = (y - 5.1 / (4 * np.pi**2) * x * x + 5 / np.pi * x - 6) ** 2
    value += 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10
    return value + (1 - s) * (20 * params["x0"] + 10 * np.sin(5 * params["x1"]))


def cost_until(regret, name, seed, *, choose_fidelity, limit=25.0):
    """What is spent until a result at the target is this near to the optimum; the limit where none is."""
    space = box(2)
    goals = None
    if choose_fidelity:
        space = SearchSpace.checked([*space.parameters, Float(0, 1, name="s")])
        cost = {"fixed": 0.05, "per_unit": 0.95}
        fidelity = Fidelity.model_validate({"parameter": "s", "cost": cost})
        goals = Goals.of(space, [Objective()], (), fidelity)
    optimizer = Optimizer(space, strategy=name, seed=seed, goals=goals)
    spent = 0.0
    while spent < limit:
        params = optimizer.ask().params
        at = params.get("s", 1.0)
        spent += 0.05 + 0.95 * at
        value = branin_at(params)
        if at == 1.0 and value - 0.397887 < regret:
            return spent
        optimizer.tell_metrics(params, {"value": MeasuredValue(value=value)})
    return limit


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rucb", "logei"])
def test_a_fidelity_saves_cost(name):
    full, chosen = (
        np.mean([cost_until(0.1, name, seed, choose_fidelity=choose) for seed in range(8)])
        for choose in (False, True)
    )
    assert chosen < full


@pytest.mark.parametrize(("kind", "name"), [*CASES, *((None, name) for name in modelled)])
def test_who_asks_botorch_is_known_beforehand(kind, name, monkeypatch):
    optimizer = told(kind, strategy=name) if kind else Optimizer(box(2), strategy=name)
    for x, y in np.random.default_rng(1).random((6, 2)).tolist() if kind is None else []:
        optimizer.tell({"x0": x, "x1": y}, x + y)
    asked = []
    for function in ("noisy_log_ei", "noisy_log_ehvi"):
        original = getattr(boundary, function)
        spy = lambda *arguments, original=original: asked.append(1) or original(*arguments)  # noqa: E731
        monkeypatch.setattr(boundary, function, spy)
    receipt = optimizer.ask(number=50).receipt
    assert not receipt.degraded
    assert bool(asked) == optimizer.asks_botorch


def test_where_the_model_can_not_be_asked_the_receipt_says_why():
    optimizer = told("several")
    receipt = optimizer.ask(number=50, unready="it is being imported").receipt
    assert (receipt.policy, receipt.degraded) == ("sobol", True)
    assert receipt.degraded_reason == "it is being imported"
    assert not optimizer.ask(number=1, unready="it is being imported").receipt.degraded
