"""The paper's own tasks, against plain loops and scikit-learn's cross-validation."""

import random
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, cross_val_score

from headway_workers.async_bo import checks, tasks
from headway_workers.async_bo.boosted_trees import CAPPED_TREES, MOST_TREES, BoostedTrees, parameters
from headway_workers.async_bo.claims import statements
from headway_workers.async_bo.methods import METHODS
from headway_workers.async_bo.pest_control import CHOICES, STAGES, PestControl
from headway_workers.async_bo.problems import LONG_TASKS, TASKS, problem
from headway_workers.async_bo.records import Record, recorded
from headway_workers.async_bo.run import run
from headway_workers.async_bo.setting import Setting
from headway_workers.async_bo.tasks import ARMS, BUDGET, MARGINS, Regrets, claims, table

PARAMS = {
    "learning_rate": 0.3,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "colsample_bynode": 0.7,
    "gamma": 0.5,
    "reg_alpha": 0.2,
    "reg_lambda": 1.0,
    "n_estimators": 40,
    "max_depth": 4,
}


def one_simulation(policy, generator):
    """Stages above the threshold and price, step by step, from beta variates, for one run of the pests."""
    resistance = {1: 2 / 7, 2: 3 / 7, 3: 3 / 7, 4: 5 / 7}
    tolerance = {1: 1 / 7, 2: 2.5 / 7, 3: 2 / 7, 4: 0.5 / 7}
    price = {1: 1.0, 2: 0.8, 3: 0.7, 4: 0.5}
    discount = {1: 0.2, 2: 0.3, 3: 0.3, 4: 0.0}
    infested, above, paid = generator.betavariate(1, 30), 0, 0.0
    for choice in policy:
        above += infested > 0.1
        if choice == 0:
            infested += generator.betavariate(1, 17 / 3) * (1 - infested)
            continue
        infested *= 1 - generator.betavariate(1, resistance[choice])
        resistance[choice] += tolerance[choice] / len(policy)
        paid += price[choice] * (1 - discount[choice] / len(policy) * policy.count(choice))
    return above, paid


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pest_control_against_a_plain_loop(seed):
    policy = random.Random(seed).choices(range(CHOICES), weights=(2, 1, 1, 1, 1), k=STAGES)
    generator = random.Random(100 + seed)
    above, paid = np.array([one_simulation(policy, generator) for _ in range(2_000)]).T
    ours = PestControl.drawn(np.random.default_rng(seed), 20_000).costs(np.array([policy]))[0]
    error = above.std() / np.sqrt(2_000)
    assert ours == pytest.approx(above.mean() + paid[0], abs=5 * error)
    assert error < 0.1


def test_pests_left_alone_follow_their_law():
    assert checks.pests_left_alone().passed


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 4), min_size=STAGES, max_size=STAGES), min_size=1, max_size=4))
def test_policies_do_not_meet(policies):
    """Costs of several are those of each, and the last choice costs its price alone."""
    task, several = PestControl.drawn(np.random.default_rng(0), 20), np.array(policies, dtype=np.intp)
    costs = task.costs(several)
    np.testing.assert_allclose(costs, [task.costs(one[None])[0] for one in several])
    without = several.copy()
    without[:, -1] = 0
    assert (task.costs(without) <= costs + 1e-12).all()


def test_no_descent_from_elsewhere_ends_below_the_best_known():
    task = PestControl.drawn(np.random.default_rng(4))
    policy, cost = task.best_known()
    assert task.costs(policy[None])[0] == cost
    rng = np.random.default_rng(5)
    assert min(task.descend(rng.integers(0, CHOICES, STAGES))[1] for _ in range(2)) >= cost


def test_boosted_trees_against_scikit_learns_cross_validation():
    xgboost = pytest.importorskip("xgboost")
    x, y = load_breast_cancer(return_X_y=True)
    model = xgboost.XGBClassifier(**PARAMS, random_state=0, n_jobs=1, tree_method="hist")
    folds = list(StratifiedKFold(5, shuffle=True, random_state=3).split(x, y))
    accuracies = cross_val_score(model, x, y, cv=folds)
    sizes = [len(test) for _, test in folds]
    assert BoostedTrees.drawn(3).error(PARAMS) == pytest.approx(1 - np.average(accuracies, weights=sizes))


def test_the_authors_range_of_trees_is_there():
    pytest.importorskip("xgboost")
    space = problem("xgboost-uncapped", 0).encoding.space.by_name
    assert (space["n_estimators"].low, space["n_estimators"].high) == (1, MOST_TREES)
    assert problem("xgboost", 0).encoding.space.by_name["n_estimators"].high == CAPPED_TREES
    assert [one.name for one in parameters()] == list(PARAMS)


def test_without_xgboost_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'headway\[xgboost\]'"):
        BoostedTrees.drawn(0)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_on_categories(method):
    trace = run(Setting("pest-control", method, 4, 0, budget=9, options={"n_initial": 4}))
    assert trace.points.shape == (9, STAGES * CHOICES)
    assert (trace.points.reshape(9, STAGES, CHOICES).sum(axis=2) == 1).all()
    assert trace.recommended in trace.values
    assert (trace.regret() >= 0).all()


@pytest.mark.parametrize("method", ["rucb", "aegis", "playbook"])
def test_whole_numbers_are_whole(method):
    pytest.importorskip("xgboost")
    trace = run(Setting("xgboost", method, 3, 1, budget=8, options={"n_initial": 4}))
    for point, value in zip(trace.points, trace.values, strict=True):
        params = trace.at.params(point)
        assert isinstance(params["n_estimators"], int)
        np.testing.assert_allclose(trace.at.row(params), point, rtol=1e-14)
        assert trace.at.evaluate(point) == value


def test_a_task_runs_without_intermediate_updates_too():
    record = recorded(Setting("pest-control", "ucb", 3, 0, budget=8, updates="own", options={"n_initial": 4}))
    assert Record.from_json(record.to_json()).regret == record.regret


def invented(setting):
    """A record whose regret depends on the method alone: thompson's is large, and worse without updates."""
    worse = {"thompson": 3.0, "random": 5.0}.get(setting.method, 0.0) + (setting.updates == "own")
    noise = 1e-4 * np.random.default_rng([setting.seed, len(setting.method)]).random()
    return Record(setting, "", (1.0 + worse + noise, 0.5 + worse + noise), {}, 0.1)


@pytest.mark.parametrize("task", TASKS)
def test_every_statement_gets_its_verdict(task):
    regrets = Regrets.read([invented(one) for one in tasks.settings(task, seeds=4)])
    found = {claim.name.removeprefix(f"{task}: "): claim for claim in claims(task, regrets)}
    assert len(found) == 7
    for name, claim in found.items():
        assert claim.verdict == ("not supported" if name.startswith("thompson") else "supported")
    assert table(regrets).splitlines()[-1].startswith("| `random` | 5.75")
    assert len(table(regrets).splitlines()) == 2 + len(ARMS)
    assert statements(found.values()).count("\n") == 8
    assert set(MARGINS) == {*TASKS, *LONG_TASKS}
    assert {one.budget for one in tasks.settings(task)} == {BUDGET}


def test_a_seed_that_lacks_a_run_is_refused():
    records = [invented(one) for one in tasks.settings("pest-control", seeds=2)]
    with pytest.raises(ValueError, match="27 runs for 2 seeds"):
        Regrets.read(records[:-1])
