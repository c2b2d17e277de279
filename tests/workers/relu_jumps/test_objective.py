import time
from dataclasses import replace

import numpy as np
import pytest

from headway.wire.base import Params
from headway_server.domain.space import SearchSpace
from headway_workers import registry
from headway_workers.relu_jumps import objective as module
from headway_workers.relu_jumps.closed_forms import interpolation_probability, minimal_squared_norm
from headway_workers.relu_jumps.flow import FlowFailed, follow
from headway_workers.relu_jumps.objective import NETWORKS, ReluJumps
from headway_workers.relu_jumps.problem import draw_patterns
from tests.workers.relu_jumps.reference import jump_list

JUMP: Params = {"mode": "jump", "width_ratio": 1.0}
ODE: Params = {"mode": "ode", "width_ratio": 1.0, "log10_inverse_eps": 3.0, "init": "balanced"}


@pytest.fixture
def small() -> ReluJumps:
    return ReluJumps(n=16)


@pytest.mark.parametrize("params", [JUMP, ODE], ids=["jump", "ode"])
class TestEitherMode:
    def test_same_params_and_seed_give_the_same_evaluation(self, params):
        one, other = (ReluJumps(n=16).evaluate(params, seed=3) for _ in range(2))
        assert one == other
        assert one.status == "ok"

    def test_another_seed_draws_other_networks_and_another_problem_other_data(self, params):
        values = {
            ReluJumps(problem, n=16).evaluate(params, seed=seed).objectives["norm_ratio"]
            for problem, seed in ((0, 0), (0, 1), (1, 0))
        }
        assert len(values) == 3

    def test_a_rung_follows_each_block_and_the_last_is_the_result(self, small, params):
        rungs = {}
        evaluation = small.evaluate(params, report=lambda step, partial: rungs.update({step: partial}))
        assert list(rungs) == [1, 2, 3, 4]
        assert rungs[4] == evaluation.objectives["norm_ratio"]

    def test_fidelity_is_the_number_of_blocks(self, small, params):
        rungs = {}
        small.evaluate(params, report=lambda step, partial: rungs.update({step: partial}))
        assert small.evaluate(params, fidelity=2).objectives["norm_ratio"] == rungs[2]

    def test_passed_deadline_is_a_timeout_with_a_reason(self, small, params):
        evaluation = small.evaluate(params, deadline=time.monotonic() - 1.0)
        assert (evaluation.status, evaluation.objectives) == ("timeout", {})
        assert "Time was up" in evaluation.reason

    def test_width_at_which_no_network_interpolates_is_infeasible(self, params):
        evaluation = ReluJumps(n=2000).evaluate({**params, "width_ratio": 0.1}, fidelity=1)
        assert evaluation.status == "infeasible"
        assert "None of 64 networks of width 4 interpolates 2000 data" in evaluation.reason

    def test_constraint_is_the_share_with_an_error_that_is_never_zero(self, small, params):
        narrow, wide = (small.evaluate({**params, "width_ratio": ratio}) for ratio in (0.6, 4.0))
        exact = interpolation_probability(int(narrow.objectives["m"]), 8, 8)
        assert narrow.metrics["p_interp_exact"].value == exact
        assert abs(narrow.constraints["p_interp"] - exact) <= 4.0 * narrow.noise["p_interp"]
        assert wide.constraints["p_interp"] == 1.0
        assert 0.0 < wide.noise["p_interp"] < 0.01


def test_jump_mode_is_the_mean_over_paths_that_interpolate(small):
    evaluation = small.evaluate(JUMP, seed=5, fidelity=1)
    m, problem = int(evaluation.objectives["m"]), small.problem
    patterns = draw_patterns((0, 5), range(NETWORKS), m, 16)
    paths = [jump_list(patterns, k, problem) for k in range(NETWORKS)]
    norms = [2 * sum(mass for *_, mass in path) for path in paths if sum(p[2] for p in path) == 16]
    ratios = np.array(norms) / minimal_squared_norm(problem)
    assert evaluation.objectives["norm_ratio"] == pytest.approx(ratios.mean(), rel=1e-12)
    assert evaluation.noise["norm_ratio"] == pytest.approx(ratios.std(ddof=1) / len(ratios) ** 0.5)
    assert evaluation.constraints["p_interp"] == len(norms) / NETWORKS


def test_both_modes_agree_on_who_interpolates_and_the_flow_confirms_it(small):
    jump, ode = (small.evaluate(params) for params in (JUMP, ODE))
    assert jump.constraints == ode.constraints
    assert ode.metrics["stuck"].value == 0
    assert ode.metrics["final_loss"].value < 1e-6


def test_smaller_initialisation_comes_nearer_to_the_limit_from_below(small):
    ratios = [
        small.evaluate({**ODE, "log10_inverse_eps": decades}).objectives["norm_ratio"]
        for decades in (3.0, 10.0, 40.0)
    ]
    assert ratios == sorted(ratios)


def test_failed_integration_is_solver_failed_with_its_reason(small, monkeypatch):
    def gives_up(*_, **__):
        raise FlowFailed("The integrator stopped at t = 7: too small a step")

    monkeypatch.setattr(module, "follow", gives_up)
    evaluation = small.evaluate(ODE)
    assert evaluation.status == "solver_failed"
    assert "stopped at t = 7" in evaluation.reason


def test_flow_that_gets_stuck_is_counted_and_not_averaged(small, monkeypatch):
    paths = []

    def stuck_at_first(*arguments, **options):
        path = follow(*arguments, **options)
        paths.append(path if paths else replace(path, converged=False))
        return paths[-1]

    whole = small.evaluate(ODE)
    monkeypatch.setattr(module, "follow", stuck_at_first)
    evaluation = small.evaluate(ODE)
    assert evaluation.status == "ok"
    assert evaluation.metrics["stuck"].value == 1
    assert evaluation.objectives["norm_ratio"] != whole.objectives["norm_ratio"]


def test_declared_space_makes_sense_and_its_points_evaluate(small):
    space, rng = SearchSpace.from_wire(ReluJumps.definition().space), np.random.default_rng(1)
    modes = set()
    for _ in range(8):
        params = space.from_uniform(rng.random(len(ReluJumps.parameters)).tolist())
        assert space.check(params) == params
        modes.add(params["mode"])
        assert small.evaluate(params, fidelity=1).status in {"ok", "infeasible"}
    assert modes == {"jump", "ode"}


def test_study_asks_for_the_constraint():
    definition = ReluJumps.definition()
    assert definition.outcome_constraints == ("p_interp >= 0.95",)
    assert [goal.name for goal in definition.objectives] == ["norm_ratio", "m"]


def test_jump_mode_runs_where_it_is_told_with_the_same_result(small, device):
    here, there = small.evaluate(JUMP), small.evaluate(JUMP, device=device)
    assert there.objectives["norm_ratio"] == pytest.approx(here.objectives["norm_ratio"], rel=1e-12)
    assert there.constraints == here.constraints


def test_room_is_registered():
    assert isinstance(registry.objective("relu-jumps"), ReluJumps)
