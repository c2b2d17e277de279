import torch

from headway_workers.rewarded_soups import metric_checks


def test_metrics_agree_with_closed_forms_and_tables():
    networks = [{"w": torch.randn(5, 3, generator=torch.Generator().manual_seed(s))} for s in range(2)]
    found = [
        *metric_checks.same_weights(*networks),
        *metric_checks.quadratic(50),
        *metric_checks.published(),
    ]
    assert [check for check in found if not check.passed] == []
