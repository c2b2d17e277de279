from pathlib import Path

import numpy as np
import pytest
import torch

from headway_workers.team_influence import mlp
from headway_workers.team_influence.features import Transitions
from headway_workers.team_influence.simulator import Simulation, simulate
from headway_workers.team_influence.teams import Teams

FIXTURE = Path(__file__).parent / "transcripts"


@pytest.fixture(scope="session")
def teams() -> Teams:
    return simulate(Simulation(), 10, np.random.default_rng(20)).teams()


@pytest.fixture(scope="session")
def rows(teams) -> Transitions:
    return Transitions.of(teams)


@pytest.fixture(
    params=[
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
    ]
)
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def transcripts() -> Path:
    return FIXTURE


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Perceptrons are trained for a tenth of their steps: for tests of what is done, not how well."""
    monkeypatch.setattr(mlp, "STEPS", 60)
