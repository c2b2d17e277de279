import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headway_workers.relu_jumps.closed_forms import minimal_squared_norm
from headway_workers.relu_jumps.jump import Jumps, jump_process
from headway_workers.relu_jumps.problem import Patterns, Problem, draw_patterns, draw_problem
from tests.workers.relu_jumps.reference import jump_list


def assert_is(jumps: Jumps, network: int, expected: list[tuple[float, int, int, float]]) -> None:
    assert int(jumps.count[network]) == len(expected)
    for k, (tau, neuron, fitted, mass) in enumerate(expected):
        assert float(jumps.tau[network, k]) == pytest.approx(tau, rel=1e-12)
        assert int(jumps.neuron[network, k]) == neuron
        assert int(jumps.fitted[network, k]) == fitted
        assert float(jumps.mass[network, k]) == pytest.approx(mass, rel=1e-12)


def test_batch_follows_the_paths_of_loops_over_sets(problem: Problem, device: str):
    patterns = draw_patterns((7,), range(30), 9, problem.n)
    jumps = jump_process(patterns, problem, device)
    for network in range(30):
        assert_is(jumps, network, jump_list(patterns, network, problem))


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**32), st.floats(0.0, 1.0))
def test_every_path_obeys_what_a_path_must(n, m, seed, pos_fraction):
    problem = draw_problem(n, seed=seed, pos_fraction=pos_fraction, label_spread=0.5)
    patterns = draw_patterns((seed,), range(4), m, n)
    jumps = jump_process(patterns, problem)
    covered = torch.from_numpy(patterns.fitting(problem).any(axis=1).sum(axis=1))
    assert torch.equal(jumps.fitted.sum(1), covered)
    assert torch.equal(jumps.unfit, n - covered)
    assert torch.equal(jumps.interpolates, torch.from_numpy(patterns.interpolates(problem)))
    assert (jumps.tau[:, 1:] >= jumps.tau[:, :-1]).all()
    assert (jumps.loss[:, 1:] <= jumps.loss[:, :-1] * (1.0 + 1e-12)).all()
    least = minimal_squared_norm(problem) * (1.0 - 1e-12)
    assert (jumps.squared_norm[jumps.interpolates] >= least).all()


def test_loss_falls_by_the_squared_labels_that_are_fitted(problem: Problem):
    unit = dataclasses.replace(problem, norms=np.ones(problem.n))  # then mass² is their sum of squares
    jumps = jump_process(draw_patterns((1,), range(8), 20, problem.n), unit)
    start = float(unit.labels @ unit.labels) / (2 * unit.n)
    before = torch.full((8, 1), start, dtype=torch.float64)
    falls = -torch.diff(torch.cat([before, jumps.loss], 1), dim=1)
    torch.testing.assert_close(falls, jumps.mass**2 / (2 * unit.n), atol=1e-14, rtol=1e-12)


def test_network_that_fits_nothing_never_jumps():
    problem = draw_problem(3, seed=0, pos_fraction=1.0)
    patterns = Patterns(np.zeros((2, 4), dtype=bool), np.ones((2, 4, 3), dtype=bool))
    jumps = jump_process(patterns, problem)
    assert jumps.count.tolist() == [0, 0]
    assert jumps.tau_end.tolist() == [0.0, 0.0]
    assert jumps.squared_norm.tolist() == [0.0, 0.0]
    assert jumps.loss[:, -1].tolist() == [0.5, 0.5]


def test_paths_do_not_depend_on_their_batch(problem: Problem):
    whole = jump_process(draw_patterns((3,), range(20), 8, problem.n), problem)
    alone = jump_process(draw_patterns((3,), range(13, 14), 8, problem.n), problem)
    count = int(alone.count[0])
    torch.testing.assert_close(whole.tau[13, :count], alone.tau[0, :count], rtol=1e-13, atol=0.0)
    assert torch.equal(whole.neuron[13, :count], alone.neuron[0, :count])


def test_gap_is_how_much_later_the_next_neuron_would_have_come():
    problem = Problem(np.array([3.0, 2.0]), np.ones(2))
    patterns = Patterns(np.ones((1, 2), dtype=bool), np.eye(2, dtype=bool)[None])
    jumps = jump_process(patterns, problem)
    # Rates 3/2 and 2/2 on data of their own: jumps at 2/3 and at 1.
    assert jumps.tau[0].tolist() == pytest.approx([2 / 3, 1.0])
    assert float(jumps.gap[0, 0]) == pytest.approx(1 / 3)
    assert float(jumps.min_gap[0]) == pytest.approx(1 / 3)
