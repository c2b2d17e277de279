import pytest
import torch

from headway_workers.relu_jumps.problem import Problem, draw_problem


@pytest.fixture(params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(params=["rademacher", "dana"])
def problem(request: pytest.FixtureRequest) -> Problem:
    """Twelve data without ties; with unequal norms under the law `dana`."""
    spread = 1.0 if request.param == "rademacher" else 0.0
    return draw_problem(12, seed=2, law=request.param, pos_fraction=0.4, label_spread=spread)
