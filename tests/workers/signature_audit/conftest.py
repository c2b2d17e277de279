import pytest

from tests.workers.signature_audit.geo_fixture import audit_text, write_series


@pytest.fixture
def audit(tmp_path):
    """An audit's file beside generated series, and the cohort that they hold."""
    cohort = write_series(tmp_path)
    path = tmp_path / "audit.toml"
    path.write_text(audit_text(cohort))
    return path, cohort
