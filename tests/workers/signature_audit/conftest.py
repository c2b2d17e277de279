import numpy as np
import pytest

from headway_workers.signature_audit.objective import SignatureAudit
from headway_workers.signature_audit.simulator import FactorModel
from tests.workers.signature_audit.geo_fixture import audit_text, write_series


@pytest.fixture
def audit(tmp_path):
    """An audit's file beside generated series, and the cohort that they hold."""
    cohort = write_series(tmp_path)
    path = tmp_path / "audit.toml"
    path.write_text(audit_text(cohort))
    return path, cohort


@pytest.fixture(scope="module")
def small():
    """The objective on a cohort of few genes, in which survival follows them closely."""
    problem = SignatureAudit()
    model = FactorModel(genes=200, hazard=2.0, effect=0.0)
    drawn = [model.draw(60, structure=0, rng=np.random.default_rng([7, k])) for k in range(2)]
    problem.__dict__["patients"] = tuple(drawn)  # in place of the cached property
    return problem
