import numpy as np
import pytest
import torch

from headway_workers.signature_audit.elastic_net import Effort, PartialLikelihood, coefficients
from headway_workers.signature_audit.survival import CoxScore
from tests.workers.signature_audit.test_survival import drawn

EXACT = Effort(steps=60, tolerance=1e-7)


def genes(sets, k, n, seed=0):
    """Correlated genes, centred: (sets, k, n)."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((sets, k, n)) + 0.7 * rng.standard_normal((sets, 1, n))
    return torch.as_tensor(X - X.mean(axis=2, keepdims=True))


def test_gradient_is_autograds_and_at_zero_the_score_tests():
    survival, _ = drawn(0)
    likelihood = PartialLikelihood(survival)
    scores = torch.randn(3, 60, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    leaf = scores.clone().requires_grad_()
    (expected,) = torch.autograd.grad(likelihood(leaf).value.sum(), leaf)
    torch.testing.assert_close(likelihood(scores).gradient, expected, rtol=1e-10, atol=1e-14)
    X = genes(1, 1, 60)[0]
    slope = 60 * X[:, likelihood.order] @ likelihood(torch.zeros(1, 60, dtype=torch.float64)).gradient[0]
    z = CoxScore(survival)(X)
    assert slope.sign().item() == z.sign().item()


@pytest.mark.parametrize("l1_ratio", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_no_direction_leads_lower(share, l1_ratio):
    """The conditions of Karush, Kuhn and Tucker, of every set by itself."""
    survival, _ = drawn(1)
    likelihood, X = PartialLikelihood(survival), genes(5, 12, 60)
    beta = coefficients(X, likelihood, share, l1_ratio, EXACT)
    zero = likelihood(torch.zeros(5, 60, dtype=torch.float64)).gradient
    slopes = torch.einsum("bkn,bn->bk", X[:, :, likelihood.order], zero)
    alpha = share * slopes.abs().amax(dim=1, keepdim=True) / l1_ratio
    by_score = likelihood(torch.einsum("bk,bkn->bn", beta, X[:, :, likelihood.order])).gradient
    pull = torch.einsum("bkn,bn->bk", X[:, :, likelihood.order], by_score) - alpha * (1 - l1_ratio) * beta
    active = beta != 0
    torch.testing.assert_close(pull[active], (alpha * l1_ratio * beta.sign())[active], rtol=1e-4, atol=1e-6)
    assert (pull.abs() <= alpha * l1_ratio + 1e-6)[~active].all()
    assert active.any()


@pytest.mark.parametrize(("share", "l1_ratio"), [(0.05, 0.5), (0.3, 1.0), (0.1, 0.1)])
def test_coefficients_are_scikit_survivals(share, l1_ratio):
    linear = pytest.importorskip("sksurv.linear_model", reason="needs the extra survival")
    survival, _ = drawn(2)
    X = genes(2, 10, 60, seed=4)
    likelihood = PartialLikelihood(survival)
    found = coefficients(X, likelihood, share, l1_ratio, EXACT)
    zero = likelihood(torch.zeros(1, 60, dtype=torch.float64)).gradient[0]
    outcome = np.array(
        list(zip(survival.event, survival.time, strict=True)), dtype=[("event", bool), ("time", float)]
    )
    for one, beta in zip(X, found, strict=True):
        alpha = share * float((one[:, likelihood.order] @ zero).abs().max()) / l1_ratio
        theirs = linear.CoxnetSurvivalAnalysis(alphas=[alpha], l1_ratio=l1_ratio, tol=1e-12, max_iter=10**6)
        theirs.fit(one.numpy().T, outcome)
        np.testing.assert_allclose(beta, theirs.coef_[:, 0], atol=2e-5)


def test_the_whole_penalty_leaves_no_gene_and_sets_do_not_touch_each_other():
    survival, _ = drawn(3)
    likelihood, X = PartialLikelihood(survival), genes(4, 6, 60)
    assert float(coefficients(X, likelihood, 1.0, 0.5).abs().max()) < 1e-12
    together = coefficients(X, likelihood, 0.1, 0.5, EXACT)
    alone = torch.cat([coefficients(one[None], likelihood, 0.1, 0.5, EXACT) for one in X])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_few_steps_come_close_to_the_lowest_loss():
    survival, _ = drawn(4, n=120)
    likelihood, X = PartialLikelihood(survival), genes(3, 40, 120)
    quick, exact = (coefficients(X, likelihood, 0.05, 0.5, how) for how in (None, EXACT))
    scores = [torch.einsum("bk,bkn->bn", beta, X) for beta in (quick, exact)]
    for one, other in zip(*scores, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.999
