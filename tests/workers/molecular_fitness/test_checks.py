"""The longer checks, at reduced size; on real data where HEADWAY_DATA_DIR or ../shared/data has them."""

import os
from pathlib import Path

import pytest

from headway_workers.molecular_fitness import checks, real_checks

DATA = Path(os.environ.get(real_checks.DATA_DIR, Path(__file__).parents[4] / "shared" / "data"))


def test_likeliest_h_is_inside_and_divergence_rises_with_h():
    assert all(check.passed for check in checks.turned_dial((3.0,)))


@pytest.mark.slow
def test_site_wise_beats_the_true_density_under_a_phylogeny():
    found = list(checks.scenarios((100, 1_000), range(1)))
    assert [check.ours > 0.975 for check in found if "phylogeny" in check.name] == [True, True]


def test_published_predictions_score_as_published():
    path = DATA / "esm" / "BLAT_ECOLX_Ranganathan2015_labeled.csv"
    if not path.exists():
        pytest.skip(f"no {path.name}: set {real_checks.DATA_DIR}")
    assert all(check.passed for check in real_checks.published(path))


@pytest.mark.slow
def test_site_wise_tells_pathogenic_p53_from_benign():
    if not (DATA / "eve").is_dir():
        pytest.skip(f"no eve folder: set {real_checks.DATA_DIR}")
    alignment = real_checks.read_alignment(DATA / "eve" / "P53_HUMAN_b0.1.a2m")
    labels = real_checks.read_clinical_labels(DATA / "eve" / "ClinVar_labels.csv", "P53_HUMAN")
    variants, pathogenic = labels.on(alignment)
    found = real_checks.clinical(alignment.without_gappy_rows(0.05), variants, pathogenic)
    assert (found.benign, found.pathogenic) == (33, 130)
    assert found.auc_site_wise > 0.9
    assert found.wins > 0.975
