import numpy as np
import pytest

from headway_server.domain.study import STRATEGY_NAMES
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.strategies.registry import STRATEGIES
from headway_server.engine.strategies.standard import Draw, ModelBased


def draw(number=1, d=3):
    return Draw(np.random.default_rng(number), 0, number, np.empty((0, d)), np.empty((0, d)))


def test_registry_is_the_domains_list():
    assert tuple(STRATEGIES) == STRATEGY_NAMES


@pytest.mark.parametrize("name", [n for n, s in STRATEGIES.items() if issubclass(s, ModelBased)])
def test_a_strategy_is_deterministic_exactly_where_it_says_so(problem, name):
    posterior, strategy = Posterior.build(*problem(20, 3)), STRATEGIES[name]()
    at = np.random.default_rng(0).random((5, 3))
    first, second = (strategy.surface(posterior, draw(k), None).values(at) for k in (1, 2))
    assert np.array_equal(first, second) is strategy.deterministic


def test_root_beta_of_rucb_is_a_shifted_exponential(problem):
    posterior, strategy = Posterior.build(*problem(5, 2)), STRATEGIES["rucb"]()
    root_betas = np.sqrt([strategy.surface(posterior, draw(k), None).beta for k in range(3000)])
    assert root_betas.min() > 0.1
    assert root_betas.mean() == pytest.approx(1.1, abs=0.06)
    assert root_betas.std() == pytest.approx(1.0, abs=0.08)


def test_thompson_names_its_path(problem):
    posterior = Posterior.build(*problem(5, 2))
    assert STRATEGIES["thompson"]().surface(posterior, draw(12), None).path_id == "0:12"


def test_logei_compares_with_the_best_posterior_mean_at_an_observation(problem):
    posterior = Posterior.build(*problem(30, 2, noise=0.1))
    best = posterior.moments(posterior.rows)[0].max()
    surface = STRATEGIES["logei"]().surface(posterior, draw(), None)
    assert surface.acquisition.best == pytest.approx(best)
