import pytest

import headway


def declare(client, name, **options):
    return headway.study(name, minimize="loss", budget=3, client=client, x=headway.Float(0, 1), **options)


def test_function_becomes_an_objective_and_stays_a_function(client, name):
    @declare(client, name, solvent=["MeCN", "THF"])
    def measure(x, solvent):
        """How fast."""
        return (x - 0.3) ** 2 + (solvent == "THF")

    assert measure(0.3, "MeCN") == 0
    assert measure.__doc__ == "How fast."
    assert measure.work() == 3
    assert measure.study.best().value >= 0
    assert measure.work() == 0


def test_pair_and_mapping_and_infeasible_are_results(client, name):
    results = iter([(0.5, 0.1), {"loss": 0.25, "time": 3}, headway.Infeasible("boils")])

    @declare(client, name)
    def measure(x):
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    assert measure.work() == 2
    states = [trial.state for trial in measure.study.history()]
    assert states == ["completed", "completed", "infeasible"]
    assert measure.study.trial(1).std_error == 0.1
    assert measure.study.trial(2).observations[0].metrics["time"].value == 3


def test_function_that_returns_nothing_has_failed_with_the_remedy(client, name):
    @declare(client, name)
    def measure(x):
        pass

    assert measure.work() == 0
    assert "Return a number" in measure.study.trial(1).observations[0].message


def test_parameters_named_like_options_go_into_space(client, name):
    @headway.study(name, client=client, budget=1, space={"budget": headway.Int(1, 3), "seed": bool})
    def measure(budget, seed):
        return budget + seed

    assert measure.work() == 1
    assert set(measure.study.trial(1).params) == {"budget", "seed"}


def test_parameter_given_twice_is_refused(client, name):
    with pytest.raises(ValueError, match="x: given both"):
        declare(client, name, space={"x": bool})


def test_function_that_does_not_take_the_parameters_is_refused_where_it_is_written(client, name):
    with pytest.raises(TypeError, match=r"measure\(y\) can't be called with the study's parameters x"):

        @declare(client, name)
        def measure(y):
            return y


def test_parameters_that_are_inactive_are_not_given(client, name):
    space = {
        "solver": ["sgd", "adam"],
        "momentum": headway.Float(0, 1, when=headway.When("solver", ("sgd",))),
    }
    calls = []

    @declare(client, name, space=space, constraints=["x <= 0.5"])
    def measure(x, solver, momentum=None):
        calls.append((x, solver, momentum))
        return x

    assert measure.work() == 3
    assert all((solver == "sgd") == (momentum is not None) for _, solver, momentum in calls)
    assert all(x <= 0.5 for x, _, _ in calls)
    with pytest.raises(TypeError, match="Give the parameters that are not always active a default"):

        @declare(client, name, space=space)
        def needs(x, solver, momentum):
            return x


def test_function_may_ask_for_its_trial(client, name):
    seeds = []

    @declare(client, name)
    def measure(x, trial):
        trial.report(step=1)
        seeds.append(trial.seed)
        return x

    assert measure.work(worker="w1") == 3
    assert len(set(seeds)) == 3
    assert measure.study.trial(1).attempts[0].worker == "w1"


def test_nothing_is_sent_before_the_work_begins(name):
    @headway.study(name, url="http://127.0.0.1:1", x=headway.Float(0, 1))
    def measure(x):
        return x

    assert measure(1.0) == 1.0
