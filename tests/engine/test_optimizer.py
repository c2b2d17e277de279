import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.wire.space import Boolean, Categorical, Int
from headway.wire.study import DEFAULT_STRATEGY
from headway_server.domain.errors import NotFinite, OutOfBounds, UnknownStrategy
from headway_server.domain.space import SearchSpace
from headway_server.engine import STRATEGIES, Fitted, Optimizer
from headway_server.engine.fits import task as fitting_module
from headway_server.engine.gp import posterior as posterior_module
from headway_server.engine.strategies.standard import ModelBased
from tests.engine.spaces import box, mixed, spaces

names = sorted(STRATEGIES)
modelled = [name for name in names if issubclass(STRATEGIES[name], ModelBased)]


def bowl(params):
    return sum((float(v) - 0.3) ** 2 for v in params.values())


def told(n=12, d=2, **settings):
    """An optimizer of the unit box that has seen n points."""
    optimizer = Optimizer(box(d), **settings)
    for row in np.random.default_rng(0).random((n, d)).tolist():
        point = {f"x{i}": v for i, v in enumerate(row)}
        optimizer.tell(point, bowl(point))
    return optimizer


def key(params):
    return tuple(params.values())


class TestStart:
    def test_first_trials_are_the_sobol_sequence_whatever_the_order(self):
        ordered = [Optimizer(box(3), seed=5).ask(number=k).params for k in range(1, 9)]
        optimizer = Optimizer(box(3), seed=5)
        assert [optimizer.ask(number=k).params for k in range(8, 0, -1)][::-1] == ordered

    def test_sobol_goes_on_while_there_are_no_two_results(self):
        optimizer = Optimizer(box(2), n_initial=1)
        assert [optimizer.ask().receipt.policy for _ in range(4)] == ["sobol"] * 4
        for _ in range(2):
            optimizer.tell({"x0": 0.1, "x1": 0.7}, 1.0)
        assert optimizer.ask().receipt.policy == DEFAULT_STRATEGY

    @pytest.mark.parametrize("name", ["random", "sobol"])
    def test_model_free_strategies_never_fit(self, name):
        optimizer = told(strategy=name)
        assert optimizer.ask(number=100).receipt.policy == name
        assert not optimizer.fit_due()
        assert optimizer.model_version == 0


class TestReceipt:
    @pytest.mark.parametrize("name", modelled)
    def test_says_how_the_point_was_made(self, name):
        receipt = told(strategy=name).ask([{"x0": 0.5, "x1": 0.5}], number=50).receipt
        assert receipt.policy == receipt.strategy == name
        assert (receipt.n_observed, receipt.n_pending, receipt.model_version) == (12, 1, 1)
        if name == "portfolio":  # one or the other
            assert (receipt.beta is None) != (receipt.path_id is None)
        else:
            assert (receipt.beta is not None) == ("ucb" in name or name == "local-penalisation")
            assert (receipt.path_id is not None) == (name == "thompson")
        assert receipt.predicted.sd > 0
        assert receipt.transform in ("standardize", "compress-bad")
        assert receipt.compute_ms > 0
        assert not receipt.degraded

    def test_prediction_is_in_the_objectives_units(self):
        optimizer = told(40)
        suggestion = optimizer.ask(number=50)
        (interval,) = optimizer.predict([suggestion.params])
        assert suggestion.receipt.predicted.mean == pytest.approx(interval.mean, rel=1e-6)
        assert interval.low < interval.mean < interval.high
        assert interval.mean == pytest.approx(bowl(suggestion.params), abs=0.05)

    def test_degraded_answer_names_its_reason(self, monkeypatch):
        optimizer = told()
        monkeypatch.setattr(posterior_module, "dpotrf", lambda a, **_: (a, 1))
        receipt = optimizer.ask(number=50).receipt
        assert (receipt.policy, receipt.strategy, receipt.degraded) == ("sobol", DEFAULT_STRATEGY, True)
        assert "Cholesky" in receipt.degraded_reason


class TestDeterminism:
    @pytest.mark.parametrize("name", names)
    def test_equal_histories_give_bitwise_equal_answers(self, name):
        pending = [{"x0": 0.25, "x1": 0.5}]
        quiet = told(strategy=name, seed=3)
        busy = told(strategy=name, seed=3)
        for k in (20, 31, 44):
            busy.ask(number=k)
        busy.predict(pending)
        np.random.default_rng().random(100)
        first, second = (o.ask(pending, number=60, given_out=pending) for o in (quiet, busy))
        assert first.params == second.params
        assert first.receipt.model_dump(exclude={"compute_ms"}) == second.receipt.model_dump(
            exclude={"compute_ms"}
        )

    def test_a_rebuilt_process_answers_as_the_one_that_died(self):
        """Told one at a time with questions between, or all at once: the same fit, the same bits."""
        points = np.random.default_rng(1).random((70, 2)).tolist()
        old, new = (Optimizer(box(2), refit="external", seed=1) for _ in range(2))
        stored = None
        for i, (a, b) in enumerate(points):
            old.tell({"x0": a, "x1": b}, np.sin(5 * a) + b)
            if i == 40:
                stored = old.fit_task().run()
            if i == 45:
                old.adopt(stored, 1)
            if i > 45:
                old.ask(number=1000 + i)
        for a, b in points:
            new.tell({"x0": a, "x1": b}, np.sin(5 * a) + b)
        new.adopt(Fitted.model_validate_json(stored.model_dump_json()), 1)
        first, second = (o.ask(number=2000, given_out=[]) for o in (old, new))
        assert first.params == second.params
        assert first.receipt.predicted == second.receipt.predicted

    def test_seed_and_number_matter(self):
        points = {key(told(seed=s).ask(number=n).params) for s, n in itertools.product((0, 1), (50, 51))}
        assert len(points) == 4


class TestDuplicates:
    @pytest.mark.parametrize("name", names)
    @pytest.mark.parametrize("space", [box(2), mixed()], ids=["box", "mixed"])
    def test_none_within_one_posterior_version(self, name, space):
        optimizer = Optimizer(space, strategy=name, n_initial=4)
        for _ in range(10):
            s = optimizer.ask()
            optimizer.tell(s.params, float(hash_of(s.params)))
        count = 4 if optimizer.asks_botorch else 12  # BoTorch takes seconds
        points = [optimizer.ask().params for _ in range(count)]
        assert len({key(p) for p in points}) == count

    @pytest.mark.parametrize("name", names)
    def test_a_small_finite_space_is_given_out_whole_before_any_repeat(self, name):
        space = SearchSpace.checked(
            [Boolean(name="a"), Int(1, 3, name="b"), Categorical(("u", "v"), name="c")]
        )
        optimizer = Optimizer(space, strategy=name, n_initial=3)
        seen = []
        for i in range(12):
            seen.append(optimizer.ask(seen, number=i + 1).params)
            if i == 4:
                optimizer.tell({"a": True, "b": 1, "c": "u"}, 1.0)
                optimizer.tell({"a": False, "b": 3, "c": "v"}, 2.0)
        assert len({key(p) for p in seen}) == 12
        assert space.check(optimizer.ask(seen).params)

    @pytest.mark.parametrize("name", ["ucb", "logei"])
    def test_deterministic_rules_condition_on_what_was_given_out(self, name):
        optimizer = told(strategy=name)
        first, second, third = (optimizer.ask(number=50 + i) for i in range(3))
        assert [s.receipt.n_hallucinated for s in (first, second, third)] == [0, 1, 2]
        assert optimizer.ask(number=60, given_out=[first.params]).params == pytest.approx(
            second.params, abs=1e-4
        )
        optimizer.tell({"x0": 0.5, "x1": 0.5}, 0.08)
        assert optimizer.ask(number=70).receipt.n_hallucinated == 0

    def test_rucb_needs_no_conditioning(self):
        optimizer = told(strategy="rucb")
        assert [optimizer.ask(number=50 + i).receipt.n_hallucinated for i in range(3)] == [0, 0, 0]


def hash_of(params):
    """A repeatable pseudo-random value of a point."""
    return int.from_bytes(repr(sorted(params.items())).encode()[-4:], "big") % 97


class TestInfeasible:
    @pytest.mark.parametrize("name", names)
    def test_a_point_without_a_value_is_not_suggested_again(self, name):
        space = SearchSpace.checked([Categorical(("a", "b", "c", "d"), name="c")])
        optimizer = Optimizer(space, strategy=name, n_initial=1)
        for choice, value in (("a", 1.0), ("b", 2.0)):
            optimizer.tell({"c": choice}, value)
        optimizer.tell_infeasible({"c": "c"})
        assert optimizer.n_observed == 2
        assert all(optimizer.ask(number=n, given_out=[]).params["c"] != "c" for n in range(2, 8))

    def test_what_was_given_out_stays_so_without_it(self):
        optimizer = told(strategy="ucb")
        first, second = (optimizer.ask(number=50 + i) for i in range(2))
        optimizer.tell_infeasible(first.params)
        third = optimizer.ask(number=52)
        assert third.receipt.n_hallucinated == 1
        assert key(third.params) not in {key(first.params), key(second.params)}

    def test_a_point_outside_the_space_is_refused(self):
        with pytest.raises(OutOfBounds):
            told().tell_infeasible({"x0": 2.0, "x1": 0.5})


class TestDegenerateData:
    @pytest.mark.parametrize("name", names)
    @pytest.mark.parametrize(
        "values",
        [
            [0.0] * 12,
            [1e300, -1e300] * 6,
            [1e300] * 12,
            [-1.7e308, 1.7e308] * 6,
            [5e-324, 0.0] * 6,
            [1.0] * 11 + [1e200],
            [1e-300 * k for k in range(12)],
        ],
        ids=["zero", "huge", "equal huge", "largest", "subnormal", "outlier", "tiny"],
    )
    def test_strange_values(self, name, values):
        optimizer = Optimizer(box(2), strategy=name, n_initial=1)
        for i, value in enumerate(values):
            optimizer.tell({"x0": i / 12, "x1": (7 * i % 12) / 12}, value)
            optimizer.space.check(optimizer.ask().params)
        assert not optimizer.ask().receipt.degraded
        optimizer.predict([{"x0": 0.5, "x1": 0.5}])
        optimizer.summary()

    @pytest.mark.parametrize("name", names)
    @pytest.mark.parametrize("std_error", [None, 0.0, 1e-300, 1e300])
    def test_one_point_repeated(self, name, std_error):
        optimizer = Optimizer(box(2), strategy=name, n_initial=1)
        for i in range(15):
            optimizer.tell({"x0": 0.5, "x1": 0.5}, i % 2, std_error)
        assert optimizer.ask(number=9).params != {"x0": 0.5, "x1": 0.5}

    def test_outliers_after_the_fit(self):
        optimizer = told(30, refit="external")
        optimizer.ask(number=50)
        for value in (1e300, -1e300, 0.0):
            optimizer.tell({"x0": 0.4, "x1": 0.4}, value)
            assert not optimizer.ask(number=51).receipt.degraded

    def test_nothing_and_one_result(self):
        optimizer = Optimizer(box(2))
        assert optimizer.predict([{"x0": 0.5, "x1": 0.5}]) == []
        assert optimizer.summary().n_observed == 0
        optimizer.tell({"x0": 0.5, "x1": 0.5}, 3.0)
        assert optimizer.predict([{"x0": 0.5, "x1": 0.5}])[0].mean == pytest.approx(3.0)
        assert optimizer.summary().n_observed == 1

    def test_what_makes_no_sense_is_refused(self):
        optimizer = Optimizer(box(1))
        with pytest.raises(NotFinite):
            optimizer.tell({"x0": 0.5}, float("nan"))
        with pytest.raises(NotFinite):
            optimizer.tell({"x0": 0.5}, 1.0, -1.0)
        with pytest.raises(OutOfBounds):
            optimizer.tell({"x0": 2.0}, 1.0)
        with pytest.raises(UnknownStrategy, match="magic"):
            Optimizer(box(1), strategy="magic")
        assert optimizer.n_observed == 0


@settings(max_examples=25)
@given(st.sampled_from(names), spaces(), st.integers(0, 2**53 - 1), st.booleans())
def test_every_suggestion_is_a_valid_point(name, space, seed, maximize):
    optimizer = Optimizer(space, strategy=name, seed=seed, maximize=maximize, n_initial=3)
    for _ in range(7):
        suggestion = optimizer.ask()
        assert space.check(suggestion.params) == suggestion.params
        optimizer.tell(suggestion.params, hash_of(suggestion.params))


class TestFits:
    def test_inline_fits_at_every_result_while_there_are_few(self):
        optimizer = told()
        assert optimizer.ask(number=50).receipt.model_version == 1
        assert optimizer.ask(number=51).receipt.model_version == 1
        optimizer.tell({"x0": 0.5, "x1": 0.5}, 0.08)
        assert optimizer.ask(number=52).receipt.model_version == 2

    def test_external_fits_itself_only_once(self):
        optimizer = told(refit="external")
        assert optimizer.fit_due()
        assert optimizer.ask(number=50).receipt.model_version == 1
        assert not optimizer.fit_due()
        optimizer.tell({"x0": 0.5, "x1": 0.5}, 0.08)
        assert optimizer.fit_due()
        assert optimizer.ask(number=51).receipt.model_version == 1
        optimizer.adopt(optimizer.fit_task().run(), 7)
        assert not optimizer.fit_due()
        assert optimizer.ask(number=52).receipt.model_version == 7

    def test_growth_by_a_tenth_or_surprise_calls_for_a_fit(self):
        optimizer = told(100, refit="external")
        optimizer.adopt(optimizer.fit_task().run(), 1)
        rows = np.random.default_rng(5).random((10, 2)).tolist()
        due = []
        for a, b in rows:
            optimizer.tell({"x0": a, "x1": b}, bowl({"a": a, "b": b}))
            due.append(optimizer.fit_due())
        assert due == [False] * 9 + [True]
        optimizer.adopt(optimizer.fit_task().run(), 2)
        for i in range(3):
            optimizer.tell({"x0": 0.3, "x1": 0.1 * i}, 50.0)
        assert optimizer.fit_due()

    def test_a_failed_fit_keeps_the_model_and_waits_for_more_results(self, monkeypatch):
        optimizer = told(refit="external")
        optimizer.ask(number=50)
        optimizer.tell({"x0": 0.5, "x1": 0.5}, 0.08)
        monkeypatch.setattr(fitting_module, "maximise", lambda *_: None)
        optimizer.adopt(optimizer.fit_task().run(), 2)
        assert optimizer.model_version == 1
        assert not optimizer.fit_due()
        assert not optimizer.ask(number=51).receipt.degraded
        optimizer.tell({"x0": 0.6, "x1": 0.5}, 0.1)
        assert optimizer.fit_due()

    def test_a_task_shares_nothing_with_its_optimizer(self):
        optimizer = told()
        task = optimizer.fit_task()
        before = task.rows.copy()
        optimizer.tell({"x0": 0.5, "x1": 0.5}, 0.08)
        np.testing.assert_array_equal(task.rows, before)
        assert task.run().n_observed == 12

    def test_a_fit_may_be_adopted_before_the_results_arrive(self):
        fitted = told(30).fit_task().run()
        optimizer = Optimizer(box(2), refit="external")
        optimizer.adopt(fitted, 4)
        assert optimizer.ask().receipt.policy == "sobol"
        for k in range(3):
            optimizer.tell({"x0": 0.2 * k, "x1": 0.5}, 0.1 * k)
        assert optimizer.ask(number=50).receipt.model_version == 4


class TestSummary:
    def test_importance_points_at_what_matters(self):
        optimizer = Optimizer(box(2))
        for a, b in np.random.default_rng(0).random((40, 2)).tolist():
            optimizer.tell({"x0": a, "x1": b}, np.sin(9 * a))
        summary = optimizer.summary()
        assert sum(summary.importance.values()) == pytest.approx(1.0)
        assert summary.importance["x0"] > 0.8
        assert summary.loo_coverage > 0.8
        assert summary.loo_rmse < 0.2

    @pytest.mark.parametrize("maximize", [False, True])
    def test_predictions_follow_the_goal(self, maximize):
        optimizer = Optimizer(box(1), maximize=maximize)
        for x in np.linspace(0, 1, 12).tolist():
            optimizer.tell({"x0": x}, 100.0 + 10.0 * x)
        low, high = optimizer.predict([{"x0": 0.1}, {"x0": 0.9}])
        assert low.mean == pytest.approx(101, abs=0.3)
        assert high.mean == pytest.approx(109, abs=0.3)
        assert low.low <= 101 <= low.high
        best = np.mean([optimizer.ask(number=50 + i, given_out=[]).params["x0"] for i in range(5)])
        assert bool(best > 0.6) is maximize
