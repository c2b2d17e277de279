import pytest

from headway_workers.contract import Check
from headway_workers.digits_svm.checks import checks as digits_svm_checks
from headway_workers.matrix_completion import checks, descent


def test_digits_svm_agrees_with_its_oracles():
    checked = list(digits_svm_checks())
    assert len(checked) == 4
    assert [check for check in checked if not check.passed] == []


def test_balance_identity_holds():
    assert checks.balance_identity(checks.synthetic()).passed


def test_gradient_is_the_derivative_of_the_loss():
    assert checks.gradient_is_the_derivative(checks.synthetic()).passed


def test_spectral_start_is_the_truncated_svd():
    assert checks.spectral_start_is_the_truncated_svd(checks.synthetic()).passed


def test_wrong_gradient_would_break_the_balance_identity(monkeypatch):
    right = descent.gradient
    monkeypatch.setattr(checks, "gradient", lambda R, X, Y, p: right(R, X, Y, p * 1.0001))
    assert not checks.balance_identity(checks.synthetic()).passed


def test_biharmonic_filling_wins_and_is_only_reported():
    check = checks.biharmonic_baseline()
    assert check.oracle > check.ours
    assert check.passed


@pytest.mark.slow
def test_psnr_table_is_reproduced():
    failed = [check for check in checks.psnr_table() if not check.passed]
    assert not failed


def test_check_passes_up_to_its_tolerance():
    assert Check("x", 1.0, 1.1, 0.11).passed
    assert not Check("x", 1.0, 1.2, 0.11).passed
    assert not Check("x", 1.0, float("nan"), 0.11).passed
