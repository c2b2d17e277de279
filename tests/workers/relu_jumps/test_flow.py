import time
import warnings
from dataclasses import replace

import numpy as np
import pytest

from headway_workers.relu_jumps import flow as module
from headway_workers.relu_jumps.flow import Flow, FlowFailed, OutOfTime, State, activations, follow
from headway_workers.relu_jumps.problem import Problem, Weights, draw_problem, draw_weights
from tests.workers.relu_jumps.reference import final_weights


@pytest.mark.parametrize("init", ["balanced", "dominant_output"])
@pytest.mark.parametrize("eps", [1e-1, 1e-4])
def test_flow_ends_where_gradient_flow_in_the_weights_does(problem: Problem, init, eps):
    weights = draw_weights((0,), 0, 8, problem.n, init)
    path = follow(problem, weights, np.log10(eps))
    a, w = final_weights(problem, weights, eps, path.last.time)
    flow = Flow(problem, np.sign(weights.a))
    assert flow.squared_norm(path.last) == pytest.approx(float((a**2).sum() + (w**2).sum()), rel=1e-4)
    np.testing.assert_allclose(np.exp(path.last.alpha), np.abs(a), atol=1e-3)
    residual = problem.labels - a @ np.maximum(w * problem.norms, 0.0)
    np.testing.assert_allclose(flow.residual(path.last), residual, atol=1e-3)


def test_initial_state_is_the_weights_at_their_scale(problem: Problem):
    weights = draw_weights((0,), 1, 5, problem.n)
    state = State.initial(weights, problem, -2.0)
    np.testing.assert_allclose(np.exp(state.alpha), 0.01 * np.abs(weights.a))
    u = state.v * np.exp(state.alpha)[:, None]
    np.testing.assert_allclose(u, 0.01 * weights.w * problem.norms)
    np.testing.assert_allclose(Flow(problem, np.sign(weights.a)).imbalance(state), 0.0, atol=1e-17)


def test_continued_flow_gives_the_numbers_of_an_uninterrupted_one(problem: Problem):
    weights = draw_weights((0,), 0, 6, problem.n)
    flow = Flow(problem, np.sign(weights.a))
    states = flow.states(State.initial(weights, problem, -50.0))
    whole = [next(states) for _ in range(60)]
    again = flow.states(whole[29])
    for expected in whole[30:]:
        state = next(again)
        assert (state.time, state.step) == (expected.time, expected.step)
        np.testing.assert_array_equal(state.alpha, expected.alpha)
        np.testing.assert_array_equal(state.v, expected.v)


def test_plateaus_below_the_range_of_doubles_are_crossed_without_a_warning():
    problem = draw_problem(4, seed=1, label_spread=1.0)
    side = np.where(problem.positive, 0.5, -0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = follow(problem, Weights(np.array([1.0, -1.0]), np.stack([side, -side])), -400.0)
    assert path.interpolates
    assert path.loss[-1] < 1e-9


def test_datum_that_no_neuron_sees_stays_and_the_rest_is_fitted():
    problem = Problem(np.array([1.0, 2.0]), np.ones(2))
    path = follow(problem, Weights(np.ones(1), np.array([[1.0, -1.0]])), -3.0)
    assert path.converged
    assert path.unfit == 1
    assert not path.interpolates
    assert path.loss[-1] == pytest.approx(2.0**2 / 4, rel=1e-6)


def test_network_that_can_fit_nothing_has_a_path_of_one_moment():
    problem = Problem(np.array([1.0]), np.ones(1))
    path = follow(problem, Weights(-np.ones(1), np.ones((1, 1))), -3.0)
    assert len(path.time) == 1
    assert not path.interpolates


def test_failure_of_the_integrator_is_raised_with_its_words(problem: Problem, monkeypatch):
    weights = draw_weights((0,), 0, 4, problem.n)
    flow = Flow(problem, np.sign(weights.a))
    start = replace(State.initial(weights, problem, -3.0), step=0.1)
    monkeypatch.setattr(flow, "_derivative", lambda t, y: np.full_like(y, np.nan if t else 1.0))
    with pytest.raises(FlowFailed, match=r"stopped at t = 0: .*step size"):
        next(flow.states(start))


def test_passed_deadline_is_raised_and_the_state_before_it_can_be_continued(problem: Problem, monkeypatch):
    weights = draw_weights((0,), 0, 4, problem.n)
    flow = Flow(problem, np.sign(weights.a))
    states = flow.states(State.initial(weights, problem, -3.0), deadline=time.monotonic() + 3600.0)
    last = next(states)
    monkeypatch.setattr(module, "overdue", lambda deadline: deadline is not None)
    with pytest.raises(OutOfTime, match="Time was up"):
        next(states)
    assert next(flow.states(last)).time > last.time


def test_deadline_reaches_the_integrator(problem: Problem):
    with pytest.raises(OutOfTime):
        follow(problem, draw_weights((0,), 0, 4, problem.n), -3.0, deadline=time.monotonic() - 1.0)


def test_activations_are_ordered_and_lie_on_the_path(problem: Problem):
    path = follow(problem, draw_weights((0,), 0, 10, problem.n), -100.0)
    order, times = activations(path)
    assert len(order) == len(set(order)) > 1
    assert (np.diff(times) >= 0).all()
    assert 0.0 < times[0] <= times[-1] <= path.time[-1]


def test_loose_tolerance_on_dying_coordinates_changes_nothing_that_is_measured(problem: Problem, monkeypatch):
    weights = draw_weights((0,), 0, 10, problem.n)
    flow = Flow(problem, np.sign(weights.a))
    loose = follow(problem, weights, -20.0)
    monkeypatch.setattr(module, "WRONG_SIDE_ATOL", 0.0)
    tight = follow(problem, weights, -20.0)
    assert flow.squared_norm(loose.last) == pytest.approx(flow.squared_norm(tight.last), rel=2e-5)
    assert activations(loose)[0] == activations(tight)[0]
    np.testing.assert_allclose(activations(loose)[1], activations(tight)[1], rtol=1e-3)
    assert len(loose.time) < len(tight.time)
