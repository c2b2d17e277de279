"""The checks that `headway verify signature-audit` prints, as far as they need no cohort of a user's."""

import numpy as np
import pytest
import torch
from scipy.stats import linregress

from headway_workers.signature_audit import checks
from headway_workers.signature_audit.simulator import Cohort, FactorModel
from headway_workers.signature_audit.survival import Survival


@pytest.mark.parametrize("check", [checks.concordance_by_pairs, checks.log_rank])
def test_statistics_are_their_oracles(check):
    assert check().passed


def test_the_curse_is_the_specifications():
    assert [check for check in checks.curse_table() if not check.passed] == []


def test_random_signatures_of_a_cohort_with_proliferation_are_significant():
    cohort = FactorModel().draw(200, structure=0, rng=np.random.default_rng(0))
    found = list(checks.random_signatures("simulated", cohort, draws=60))
    assert len(found) >= 4
    assert [check for check in found if not check.passed] == []


def test_those_of_a_cohort_without_any_effect_are_not():
    """The check can fail: outcomes that are dealt anew have nothing to do with the genes."""
    cohort = FactorModel().draw(200, structure=0, rng=np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(200)
    survival = Survival(cohort.survival.time[order], cohort.survival.event[order])
    dealt = Cohort(**{**vars(cohort), "survival": survival})
    found = list(checks.random_signatures("dealt anew", dealt, draws=60))
    assert not found[0].passed


def test_adjustment_leaves_each_genes_residuals_and_little_significance():
    cohort = FactorModel().draw(200, structure=0, rng=np.random.default_rng(0))
    genes = torch.as_tensor(((cohort.values - cohort.values.mean(0)) / cohort.values.std(0)).T.copy())
    adjusted = checks.adjusted_for_proliferation(cohort, genes)
    index = np.median(genes.numpy()[cohort.proliferation], axis=0)
    fit = linregress(index, genes[7].numpy())
    residuals = genes[7].numpy() - fit.intercept - fit.slope * index
    np.testing.assert_allclose(adjusted[7].numpy(), residuals / residuals.std(), atol=1e-12)
    before, after = (checks.share_significant(cohort, data, 100, 60) for data in (genes, adjusted))
    assert before > 0.9
    assert after < 0.3
