import time

import pytest

from headway_server.domain.space import SearchSpace
from headway_workers.molecular_fitness.objective import MolecularFitness

POINTS = [
    {"family": "swi", "pseudocount": 1.0},
    {"family": "potts_plm", "plm_l2": 0.1},
    {"family": "bear", "h": 1.0, "lag": 8},
    {"family": "bear_on_swi", "h": 10.0, "pseudocount": 0.5},
    {"family": "ar_linear", "lag": 3},
    {"family": "vae", "latent": 2, "width": 16, "learning_rate": 1e-3, "epochs": 5, "beta_kl": 1.0},
]


@pytest.fixture(scope="module")
def problem():
    return MolecularFitness()


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point["family"])
def test_points_belong_to_the_space_and_evaluate_alike_twice(problem, point):
    params = {**point, "reweight_theta": 1.0}
    assert SearchSpace.from_wire(MolecularFitness.definition().space).check(params) == params
    rungs = []
    found = problem.evaluate(params, fidelity=400, report=lambda step, value: rungs.append((step, value)))
    assert found.status == "ok"
    assert [step for step, _ in rungs] == [300, 400]
    assert rungs[-1][1] == found.objectives["fitness_spearman"]
    assert found.metrics["fitness_spearman_other_sites"].role == "audit"
    assert problem.evaluate(params, fidelity=400) == found


def test_best_density_is_not_the_best_fitness(problem):
    swi, bear = (problem.evaluate({**POINTS[at], "reweight_theta": 1.0}).objectives for at in (0, 2))
    assert bear["held_out_log_likelihood"] > swi["held_out_log_likelihood"] + 0.2
    assert swi["fitness_spearman"] > bear["fitness_spearman"] + 0.2


def test_deadline_is_a_result(problem):
    found = problem.evaluate({**POINTS[0], "reweight_theta": 1.0}, deadline=time.monotonic() - 1.0)
    assert found.status == "timeout"


def test_assays_share_no_site_that_varies(problem):
    one, other = problem.problem.assay.x, problem.problem.assay_audit.x
    varies = (one != one[0]).any(axis=0), (other != other[0]).any(axis=0)
    assert not (varies[0] & varies[1]).any()
