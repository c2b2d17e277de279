from headway_workers.contract import Check
from headway_workers.digits_svm.checks import checks as digits_svm_checks


def test_digits_svm_agrees_with_its_oracles():
    checked = list(digits_svm_checks())
    assert len(checked) == 4
    assert [check for check in checked if not check.passed] == []


def test_check_passes_up_to_its_tolerance():
    assert Check("x", 1.0, 1.1, 0.11).passed
    assert not Check("x", 1.0, 1.2, 0.11).passed
    assert not Check("x", 1.0, float("nan"), 0.11).passed
