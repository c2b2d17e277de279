import time
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from headway.wire.base import Params
from headway_server.domain.goals import Goals
from headway_server.domain.space import SearchSpace
from headway_workers import registry
from headway_workers.contract import Metric
from headway_workers.team_influence import mlp, objective
from headway_workers.team_influence.features import GROUPS
from headway_workers.team_influence.figure import draw
from headway_workers.team_influence.objective import TeamInfluence, from_environment
from headway_workers.team_influence.predictors import Settings
from headway_workers.team_influence.transcript_files import TranscriptError

pytestmark = pytest.mark.usefixtures("briefly")

DYNAMICS: Params = {"a": 0.25, "r": 0.09, "g": 0.35, "eta": 1.4, "kappa": 0.5, "u": 0.93, "perf_memory": 1.0}
FLAGS: Params = {f"use_{group}": True for group in GROUPS}
DRP: Params = {"model": "drp", **DYNAMICS}
LINEAR: Params = {
    "model": "linear",
    **DYNAMICS,
    "penalty": "ridge",
    "strength": 0.3,
    **FLAGS,
    "augmentation": True,
}
MLP: Params = {
    "model": "mlp",
    **DYNAMICS,
    "width": 16,
    "depth": 1,
    "dropout": 0.2,
    "learning_rate": 1e-3,
    "weight_decay": 1e-4,
    **FLAGS,
    "augmentation": False,
}


@pytest.fixture(scope="module")
def problem() -> TeamInfluence:
    return TeamInfluence()


@pytest.fixture(params=[DRP, LINEAR, MLP], ids=lambda params: params["model"])
def params(request: pytest.FixtureRequest) -> Params:
    chosen: Params = request.param
    return chosen


def test_same_point_and_seed_give_the_same_evaluation_in_another_instance(params):
    assert TeamInfluence().evaluate(params, seed=3, fidelity=6) == TeamInfluence().evaluate(
        params, seed=3, fidelity=6
    )


def test_seed_of_the_evaluation_draws_the_perceptron_alone(problem):
    one, other = (problem.evaluate(MLP, seed=seed, fidelity=6).objectives for seed in (0, 1))
    assert one != other
    one, other = (problem.evaluate(LINEAR, seed=seed, fidelity=6).objectives for seed in (0, 1))
    assert one == other


def test_problem_seed_draws_other_teams(problem):
    assert TeamInfluence(1).evaluate(DRP).objectives != problem.evaluate(DRP).objectives


def test_points_belong_to_the_declared_space(params):
    space = SearchSpace.from_wire(TeamInfluence.definition().space)
    assert space.check(params) == params


def test_definition_bounds_r_plus_g_below_two_and_rows_on_the_simplex():
    definition = TeamInfluence.definition()
    (constraint,) = SearchSpace.from_wire(definition.space).constraints
    assert constraint.upper < 2.0
    goals = Goals.from_definition(definition, SearchSpace.from_wire(definition.space))
    assert goals.feasible({"mse": 0.01, "simplex_error": 1e-12})
    assert not goals.feasible({"mse": 0.01, "simplex_error": 1e-6})


def test_beyond_the_bound_the_dynamics_do_not_settle(problem):
    evaluation = problem.evaluate({**DRP, "r": 1.0, "g": 0.95})
    assert evaluation.status == "infeasible"
    assert "1.9" in evaluation.reason


def test_evaluation_has_its_error_its_constraint_and_an_audit(problem, params):
    evaluation = problem.evaluate(params, fidelity=8)
    assert evaluation.status == "ok"
    assert 0.0 < evaluation.objectives["mse"] < 0.02
    assert evaluation.noise["mse"] > 0.0
    assert evaluation.constraints["simplex_error"] <= 1e-9
    roles = {name: metric.role for name, metric in evaluation.metrics.items()}
    assert roles["mse_new_teams"] == "audit"
    assert roles["skill_over_last"] == "selection"
    assert roles["mse_by_item"] == "diagnostic"


def test_last_report_has_no_skill(problem):
    still = {**DRP, "a": 0.0, "r": 0.0, "g": 0.0}
    assert problem.evaluate(still).metrics["skill_over_last"] == Metric(
        pytest.approx(0.0, abs=1e-12), "selection"
    )


def test_true_dynamics_have_skill_on_teams_that_nobody_saw(problem):
    assert problem.evaluate(DRP).metrics["skill_new_teams"].value > 0.2


def test_rungs_are_the_teams_tested_so_far(problem, params):
    rungs = {}
    evaluation = problem.evaluate(
        params, fidelity=7, report=lambda step, partial: rungs.update({step: partial})
    )
    assert sorted(rungs) == [2, 4, 5, 6, 7]
    assert rungs[7] == pytest.approx(evaluation.objectives["mse"])


def test_passed_deadline_is_a_timeout_with_a_reason(problem, params):
    evaluation = problem.evaluate(params, deadline=time.monotonic() - 1.0)
    assert evaluation.status == "timeout"
    assert evaluation.reason
    assert not evaluation.objectives


def test_random_points_give_finite_values_and_no_warning(problem):
    space, rng = SearchSpace(TeamInfluence.parameters), np.random.default_rng(7)
    for k in range(9):
        uniform = rng.random(len(TeamInfluence.parameters))
        uniform[0] = (k % 3 + 0.5) / 3.0  # each model in turn
        point = space.from_uniform(uniform.tolist())
        evaluation = problem.evaluate(point, fidelity=3)
        beyond = float(point["r"]) + float(point["g"]) > 1.9
        assert evaluation.status == ("infeasible" if beyond else "ok"), point


def test_training_that_leaves_the_finite_numbers_is_diverged(problem):
    evaluation = problem.evaluate({**MLP, "learning_rate": 1e30}, fidelity=4)
    assert evaluation.status == "diverged"
    assert "mlp" in evaluation.reason


def test_perceptron_runs_on_the_device(problem, device):
    there, here = (problem.evaluate(MLP, fidelity=4, device=where) for where in (device, "cpu"))
    assert there.objectives["mse"] == pytest.approx(here.objectives["mse"], rel=1e-2)


def test_transcripts_of_the_users_are_evaluated_with_a_quarter_held_out(transcripts: Path):
    evaluation = TeamInfluence(transcripts=transcripts).evaluate(LINEAR)
    assert evaluation.status == "ok"
    assert evaluation.metrics["mse_new_teams"].role == "audit"
    seen, unseen = TeamInfluence(transcripts=transcripts).population
    assert (len(seen), len(unseen)) == (2, 1)


def test_environment_names_transcripts(transcripts: Path, monkeypatch):
    monkeypatch.setenv("HEADWAY_TEAM_TRANSCRIPTS", str(transcripts))
    assert from_environment().transcripts == transcripts
    monkeypatch.setenv("HEADWAY_TEAM_TRANSCRIPTS", str(transcripts / "nowhere"))
    with pytest.raises(TranscriptError, match="no such file"):
        from_environment().evaluate(DRP)


def test_registry_has_it():
    found = registry.objective("team-influence")
    assert isinstance(found, TeamInfluence)
    assert found.transcripts is None


def test_figure_shows_sixteen_influences_and_all_errors():
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure)
    figure.canvas.draw()
    assert len(figure.axes) == 17
    for axes in figure.axes[:16]:
        assert len(axes.lines) == 3
        assert axes.lines[0].get_xdata().tolist() == list(range(1, 10))
    bars = [bar.get_width() for bar in figure.axes[16].patches]
    assert min(bars) > 0.0
    assert len(bars) == 8


def test_settings_hold_what_the_model_needs():
    assert objective.settings_of(DRP) == Settings("drp", objective.settings_of(DRP).dynamics)
    assert objective.settings_of(MLP).recipe == mlp.Recipe(16, 1, 0.2, 1e-3, 1e-4)
    assert objective.settings_of({**LINEAR, "use_text": False}).groups == (
        "prev",
        "first",
        "mean",
        "perf",
        "timing",
    )
