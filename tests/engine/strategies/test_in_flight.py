import numpy as np
import pytest
import torch
from botorch.acquisition.analytic import LogExpectedImprovement
from scipy.optimize import check_grad
from scipy.special import erfc

from headway_server.engine import STRATEGIES
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.randomness import Purpose, stream
from headway_server.engine.strategies.penalisation import Penalties
from headway_server.engine.strategies.standard import Draw
from tests.engine.reference import moments, single_task_gp
from tests.engine.test_optimizer import told

PENDING = np.array([[0.2, 0.3], [0.7, 0.6], [0.25, 0.9]])
AT = np.random.default_rng(1).random((30, 2))


def surface_of(name, posterior, given_out=0):
    """A strategy's surface with three points in flight, some of them given out at this posterior."""
    strategy = STRATEGIES[name]()
    draw = Draw(stream(0, 1, Purpose.STRATEGY), 0, 1, PENDING, PENDING[:given_out])
    return strategy.surface(posterior, draw, strategy.given(posterior, draw))


def with_pending(problem, values=None):
    """The posterior, and BoTorch's model that has seen the points in flight as well."""
    hyperparameters, rows, z, variances = problem(30, 2)
    posterior = Posterior.build(hyperparameters, rows, z, variances)
    values = posterior.moments(PENDING)[0] if values is None else values
    return posterior, single_task_gp(hyperparameters, np.vstack([rows, PENDING]), np.append(z, values))


def test_hallucinated_ucb_has_the_mean_of_the_data_and_the_variance_of_all(problem):
    posterior, larger = with_pending(problem)
    expected = posterior.moments(AT)[0] + 1.5 * moments(larger, AT)[1]
    np.testing.assert_allclose(surface_of("hallucinated-ucb", posterior).values(AT), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["hallucinated-rucb", "rucb"])
def test_rucb_draws_the_same_beta_with_and_without_hallucination(problem, name):
    posterior, _ = with_pending(problem)
    surface = surface_of(name, posterior)
    assert surface.beta == surface_of("rucb", posterior).beta
    gap = surface.values(AT) - posterior.moments(AT)[0]
    assert (gap[np.linalg.norm(AT[:, None] - PENDING, axis=2).min(axis=1) < 0.05] >= 0).all()


@pytest.mark.parametrize("name", ["hallucinated-logei", "constant-liar"])
def test_believers_equal_botorchs_logei_on_the_larger_data(problem, name):
    hyperparameters, rows, z, variances = problem(30, 2)
    posterior = Posterior.build(hyperparameters, rows, z, variances)
    values = np.full(3, z.max()) if name == "constant-liar" else posterior.moments(PENDING)[0]
    _, larger = with_pending(problem, values)
    best = max(posterior.means_at_data().max(), values.max())
    acquisition = LogExpectedImprovement(larger, best_f=best)
    expected = acquisition(torch.as_tensor(AT).unsqueeze(1)).detach().numpy()
    np.testing.assert_allclose(surface_of(name, posterior).values(AT), expected, atol=1e-5)


@pytest.mark.parametrize("given_out", [0, 2])
@pytest.mark.parametrize("name", ["ucb", "logei"])
def test_plain_rules_condition_on_what_was_given_out_at_this_posterior_only(problem, name, given_out):
    posterior, _ = with_pending(problem)
    strategy = STRATEGIES[name]()
    draw = Draw(stream(0, 1, Purpose.STRATEGY), 0, 1, PENDING, PENDING[:given_out])
    given = strategy.given(posterior, draw)
    assert (0 if given is None else len(given.values)) == given_out


def test_penalties_equal_the_papers_formula(problem):
    posterior, _ = with_pending(problem)
    penalties = Penalties.around(PENDING, posterior)
    mean, sd = posterior.moments(PENDING)
    best = posterior.means_at_data().max()
    expected = np.zeros(len(AT))
    for b in range(3):
        away = np.linalg.norm(AT - PENDING[b], axis=1)
        z = (penalties.lipschitz * away - best + mean[b]) / np.sqrt(2 * sd[b] ** 2)
        expected += np.log(0.5 * erfc(-z))
    np.testing.assert_allclose(penalties(AT)[0], expected, rtol=1e-6, atol=1e-12)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 60)] * 2), axis=-1).reshape(-1, 2)
    slopes = np.linalg.norm(posterior.mean_with_gradient(grid)[1], axis=1)
    assert penalties.lipschitz == pytest.approx(slopes.max(), rel=0.15)


@pytest.mark.parametrize("name", ["local-penalisation", "constant-liar", "hallucinated-logei"])
def test_gradients_equal_finite_differences(problem, name):
    posterior, _ = with_pending(problem)
    surface = surface_of(name, posterior)
    for at in AT[:5]:
        error = check_grad(
            lambda x: surface.values(x[None])[0],
            lambda x: surface.values_and_gradients(x[None])[1][0],
            at,
            epsilon=1e-7,
        )
        assert error < 1e-3 * max(1.0, np.abs(surface.values_and_gradients(at[None])[1]).max())


def test_nothing_in_flight_is_like_the_plain_rule(problem):
    hyperparameters, rows, z, variances = problem(30, 2)
    posterior = Posterior.build(hyperparameters, rows, z, variances)
    draw = Draw(stream(0, 1, Purpose.STRATEGY), 0, 1, np.empty((0, 2)), np.empty((0, 2)))
    for name, plain in (
        ("hallucinated-ucb", "ucb"),
        ("hallucinated-logei", "logei"),
        ("constant-liar", "logei"),
    ):
        found, expected = (
            s.surface(posterior, draw, s.given(posterior, draw)).values(AT)
            for s in (STRATEGIES[name](), STRATEGIES[plain]())
        )
        np.testing.assert_array_equal(found, expected)
    penalised = STRATEGIES["local-penalisation"]()
    values = penalised.surface(posterior, draw, None).values(AT)
    assert values.argmax() == STRATEGIES["ucb"]().surface(posterior, draw, None).values(AT).argmax()


@pytest.mark.parametrize(
    "name",
    ["hallucinated-ucb", "hallucinated-rucb", "hallucinated-logei", "local-penalisation", "constant-liar"],
)
def test_keeps_away_from_the_points_in_flight(name):
    """Where the plain rule would go now: a purpose-built one goes elsewhere while somebody is there."""
    alone = told(20, strategy=name, seed=2).ask(number=50).params
    asked = told(20, strategy=name, seed=2)
    suggestion = asked.ask([alone] * 2, number=50, given_out=[])
    apart = np.linalg.norm(np.array(list(alone.values())) - np.array(list(suggestion.params.values())))
    assert apart > 1e-3
    assert suggestion.receipt.n_hallucinated == (0 if name == "local-penalisation" else 1)
