"""Names, settings and what they change; the peers themselves are audited in every run."""

import numpy as np
import pytest

from benchmarks.problems import REPORTED, TUNING, problem
from benchmarks.systems import PEERS, create, environment, version
from headway_server.engine import STRATEGIES, chooser
from headway_server.engine.fits import task as fitting
from headway_server.engine.search.restarts import Effort
from headway_workers.async_bo.simulator import durations, simulate


def points(variant, budget=14, name="six-hump-camel"):
    setting = problem(name, 0)
    with create(f"headway/{variant}", setting, 0) as system:
        completions = simulate(system, setting.observed_value, durations("exponential", 0, budget), 2)
    return [c.point for c in sorted(completions, key=lambda c: c.number)]


def test_a_setting_of_the_strategy_changes_its_points_only_after_the_start():
    usual, bold = points("rucb"), points("rucb:shift=3.0")
    assert usual[:4] == bold[:4]
    assert usual[4:] != bold[4:]
    assert points("rucb:shift=0.1,rate=1.0") == usual
    assert points("rucb:Effort.restarts=1,Effort.log2_global=3") != usual


@pytest.mark.parametrize(("text", "start"), [("6", 6), ("2d+5", 9), ("0d+7", 7)])
def test_the_start_may_be_a_number_or_a_rule(text, start):
    setting = problem("six-hump-camel", 0)
    with create(f"headway/rucb:n_initial={text}", setting, 0) as system:
        assert system._optimizer.n_initial == start


def test_constants_and_efforts_are_replaced_for_the_run_alone():
    before = fitting.COLD_UNTIL, Effort()
    setting = problem("branin", 0)
    with create("headway/rucb:fits.task.COLD_UNTIL=7,Effort.restarts=3", setting, 0):
        assert fitting.COLD_UNTIL == 7
        assert chooser.Effort.restarts == chooser.Effort().restarts == 3
        assert chooser.Effort().evaluations == Effort().evaluations
    assert before == (fitting.COLD_UNTIL, chooser.Effort())


@pytest.mark.parametrize(
    ("variant", "complaint"),
    [
        ("rucb:shift", "not KEY=VALUE"),
        ("rucb:shfit=1", "no setting shfit"),
        ("random:shift=1", "no setting shift"),
        ("rucb:fits.task.COLD=1", "no constant 'COLD'"),
        ("rucb:Effort.tries=1", "no field tries"),
    ],
)
def test_a_setting_that_is_none_is_refused(variant, complaint):
    with pytest.raises(ValueError, match=complaint), create(f"headway/{variant}", problem("branin", 0), 0):
        pass


def test_an_unknown_system_is_refused():
    with pytest.raises(ValueError, match="no system 'hal'"):
        create("hal", problem("branin", 0), 0)


def test_versions_are_pins_or_the_engines_digest():
    assert {version(peer).partition("==")[0] for peer in PEERS} == {"optuna", "botorch", "ax-platform"}
    assert version("headway/rucb") == version("headway/ucb") != version("random")
    assert environment("headway/rucb") == environment("random") == "headway"


@pytest.mark.parametrize("name", REPORTED + TUNING)
def test_every_problem_takes_the_points_of_random_and_of_headways_start(name):
    setting = problem(name, 1)
    for system_name in ("random", "headway/sobol"):
        with create(system_name, setting, 1) as system:
            completions = simulate(system, setting.observed_value, durations("pareto", 1, 30), 4)
        values = [setting.true_value(c.point) for c in completions]
        assert np.isfinite(values).all()
        assert min(values) > setting.minimum
        assert np.ptp(values) > 0


def test_the_strategies_are_the_engines():
    from benchmarks.regret import DEFAULT, systems

    names = [name.removeprefix("headway/") for name in systems() if name.startswith("headway/")]
    assert set(names) == set(STRATEGIES) - {"random"}
    assert systems()[0] == DEFAULT
