from typing import Any

import pytest

from headway.wire.base import Params
from headway.wire.measured import MeasuredValue
from headway.wire.space import Float
from headway.wire.study import Objective as Goal
from headway_workers.agent import run
from headway_workers.contract import Evaluation, Metric, Objective, Report, silent


class Scripted(Objective):
    """Answers with the evaluations it was given, in turn."""

    name = "scripted"
    summary = "for tests"
    parameters = (Float(0, 1, name="x"),)
    goals = (Goal(name="loss"),)

    def __init__(self, *evaluations: Evaluation) -> None:
        self._evaluations = iter(evaluations)
        self.seeds: list[int] = []

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        self.seeds.append(seed)
        report(1, 0.5)
        return next(self._evaluations)


class GivenTrial:
    def __init__(self, seed: int = 0) -> None:
        self.params: Params = {"x": 0.5}
        self.seed = seed
        self.entered = False
        self.told: list[tuple[Any, ...]] = []
        self.rungs: list[tuple[int, dict[str, float]]] = []

    def __enter__(self):
        self.entered = True
        return self

    def __exit__(self, kind, error, trace):
        return None

    def report(self, step, **metrics):
        self.rungs.append((step, metrics))

    def finish(self, value):
        assert self.entered
        self.told.append(("completed", value))

    def infeasible(self, message="", reason=None):
        self.told.append(("infeasible", message, reason))

    def fail(self, message, reason=None):
        self.told.append(("failed", message, reason))


def test_good_evaluation_completes_with_value_and_standard_error():
    trial = GivenTrial()
    run(Scripted(Evaluation({"loss": 0.25}, noise={"loss": 0.01})), [trial])
    assert trial.told == [
        ("completed", {"loss": MeasuredValue(value=0.25, std_error=0.01, role="selection")})
    ]


def test_constraints_and_metrics_are_reported_with_what_they_may_be_used_for():
    trial = GivenTrial()
    evaluation = Evaluation(
        {"loss": 0.25, "cost": 3.0},
        noise={"p": 0.1},
        constraints={"p": 0.9},
        metrics={"held_out": Metric(0.3, "audit"), "steps": Metric(7)},
    )
    run(Scripted(evaluation), [trial])
    ((_, told),) = trial.told
    assert {name: (one.value, one.std_error, one.role) for name, one in told.items()} == {
        "loss": (0.25, None, "selection"),
        "cost": (3.0, None, "selection"),
        "p": (0.9, 0.1, "selection"),
        "held_out": (0.3, None, "audit"),
        "steps": (7.0, None, "diagnostic"),
    }


@pytest.mark.parametrize("status", ["infeasible", "diverged"])
def test_failure_that_belongs_to_the_point_is_infeasible(status):
    trial = GivenTrial()
    run(Scripted(Evaluation(status=status, reason="at iteration 7")), [trial])
    assert trial.told == [("infeasible", "at iteration 7", status)]


@pytest.mark.parametrize("status", ["timeout", "solver_failed"])
def test_failure_that_may_be_the_machines_is_failed_with_its_reason(status):
    trial = GivenTrial()
    run(Scripted(Evaluation(status=status, reason="at iteration 7")), [trial])
    assert trial.told == [("failed", "at iteration 7", status)]


def test_rungs_reach_the_trial():
    trial = GivenTrial()
    run(Scripted(Evaluation({"loss": 1.0})), [trial])
    assert trial.rungs == [(1, {"loss": 0.5})]


def test_max_trials_ends_the_agent_without_asking_for_another():
    trials = iter([GivenTrial(), GivenTrial(), GivenTrial()])
    good = Evaluation({"loss": 1.0})
    assert run(Scripted(good, good, good), trials, max_trials=2) == 2
    assert len(list(trials)) == 1


def test_evaluation_gets_the_trials_own_seed():
    objective = Scripted(Evaluation({"loss": 1.0}))
    run(objective, [GivenTrial(seed=17)])
    assert objective.seeds == [17]
