import time

import pytest

from headway_server.domain.space import SearchSpace
from headway_workers import registry
from headway_workers.rewarded_soups import objective as module
from headway_workers.rewarded_soups.objective import RewardedSoups
from headway_workers.rewarded_soups.text.reinforce import FineTune

POINT = {
    "pair": "haha-sentiment",
    "lr": 3e-3,
    "kl_coef": 0.05,
    "steps": 20,
    "batch": 24,
    "temperature": 1.0,
    "trainable": "head",
    "advantage_norm": True,
    "n_lambda": 5,
}


pytestmark = pytest.mark.usefixtures("networks")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A rung at one step, and few texts."""
    monkeypatch.setattr(module, "RUNGS", (1,))
    monkeypatch.setattr(module, "RUNG_TEXTS", 10)
    monkeypatch.setattr(module, "DIVERGENCE_TEXTS", 10)
    return RewardedSoups(tmp_path, texts=24)


QUICK = {**POINT, "batch": 3, "n_lambda": 3}
"""Below what the space allows, for the tests' sake."""


def test_point_belongs_to_the_space_and_the_objective_is_registered():
    assert SearchSpace.from_wire(RewardedSoups.definition().space).check(POINT) == POINT
    assert isinstance(registry.objective("rewarded-soups"), RewardedSoups)


@pytest.mark.slow
def test_evaluation_is_the_same_from_a_cache_and_without(small, tmp_path, monkeypatch):
    rungs, steps, step = {}, [], FineTune.step
    monkeypatch.setattr(FineTune, "step", lambda self: steps.append(1) or step(self))
    found = small.evaluate(QUICK, seed=4, fidelity=2, report=lambda step, value: rungs.update({step: value}))
    assert found.status == "ok"
    assert list(rungs) == [1, 2]
    assert rungs[2] == found.objectives["hypervolume"]
    assert found.objectives["gradient_steps"] == len(steps) == 4
    assert found.noise["hypervolume"] > 0.0
    assert found.metrics["hypervolume_over_ends"].value >= 1.0
    assert small.evaluate(QUICK, seed=4, fidelity=2) == found
    assert len(steps) == 4  # every fine-tune came from the cache
    anew = RewardedSoups(tmp_path / "other", texts=24).evaluate(QUICK, seed=4, fidelity=2)
    assert anew == found


def test_late_is_a_timeout_and_an_infinite_loss_diverges(small):
    late = small.evaluate(QUICK, fidelity=3, deadline=time.monotonic() - 1.0)
    assert (late.status, bool(late.reason)) == ("timeout", True)
    wild = small.evaluate({**QUICK, "kl_coef": float("inf")}, fidelity=4)
    assert (wild.status, wild.objectives) == ("diverged", {})
    assert "finite" in wild.reason
