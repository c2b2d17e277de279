"""The cheetah's rewards, its policies against the library that trains them, and the calibration."""

import json

import numpy as np
import pytest
import torch

pytest.importorskip("stable_baselines3", reason="pip install 'headway[control]'")

import gymnasium
from click.testing import CliRunner
from stable_baselines3 import PPO

from headway_workers.rewarded_soups.control.__main__ import main
from headway_workers.rewarded_soups.control.cheetah import STEPS, Cheetah, controls, episodes, scale
from headway_workers.rewarded_soups.control.training import HIDDEN, Training, trained
from headway_workers.rewarded_soups.interpolation import soup


def network(seed):
    """An untrained policy of the kind that is trained, with the library's object."""
    model = PPO("MlpPolicy", Cheetah(0.0), seed=seed, device="cpu", policy_kwargs={"net_arch": HIDDEN})
    with torch.no_grad():
        model.policy.action_net.weight.mul_(200.0)  # at the start it hardly acts
    return model


def test_price_of_effort_is_that_of_gymnasiums_own_reward():
    ours, theirs = Cheetah(0.1), gymnasium.make("HalfCheetah-v5", disable_env_checker=True)
    ours.reset(seed=4)
    theirs.reset(seed=4)
    rng = np.random.default_rng(0)
    for _ in range(20):
        action = rng.uniform(-1, 1, 6)
        _, reward, _, _, info = ours.step(action)
        observation, expected, *_ = theirs.step(action)
        assert reward == pytest.approx(expected, abs=1e-9)
        assert info["effort"] == pytest.approx(action @ action)
    np.testing.assert_allclose(
        ours.step(action)[0], (theirs.step(action)[0] - scale().mean) / scale().deviation
    )
    assert observation.shape == (17,)


def test_episode_ends_after_its_steps_and_not_before():
    environment = Cheetah(0.0)
    for _ in range(2):
        environment.reset(seed=1)
        ends = [environment.step(np.zeros(6))[2:4] for _ in range(STEPS)]
        assert ends == [(False, False)] * (STEPS - 1) + [(False, True)]


def test_actor_is_the_librarys():
    model = network(3)
    observations = np.random.default_rng(0).standard_normal((50, 17)).astype(np.float32)
    expected, _ = model.predict(observations, deterministic=True)
    ours = controls(model.policy.state_dict(), observations)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert np.abs(ours).max() == 1.0  # some are clipped


def test_episodes_are_those_of_one_policy_in_one_body():
    state = network(5).policy.state_dict()
    environment, velocity, effort = Cheetah(0.0), 0.0, 0.0
    observation, _ = environment.reset(seed=8)
    for _ in range(STEPS):
        action = controls(state, observation[None])[0]
        observation, reward, *_ = environment.step(action)
        velocity += reward
        effort += float(action @ action)
    (found,) = episodes(state, [8], (0.0, 1.0, 0.5))
    expected = [velocity / STEPS, (velocity - effort) / STEPS, (velocity - 0.5 * effort) / STEPS]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    both = episodes(state, [9, 8])
    np.testing.assert_allclose(both[1], found[:2], rtol=1e-4)
    assert both[0].tolist() != both[1].tolist()


def test_run_is_kept_and_comes_out_the_same_again(tmp_path):
    first = Training(0.1, 2_048, 0)
    state = trained(first, tmp_path / "a")
    (kept,) = (tmp_path / "a" / "control").iterdir()
    assert kept.name == f"{first.fingerprint}.safetensors"
    changed = kept.stat().st_mtime_ns
    assert trained(first, tmp_path / "a").keys() == state.keys()
    assert kept.stat().st_mtime_ns == changed
    again = trained(first, tmp_path / "b")
    assert all(torch.equal(state[name], again[name]) for name in state)
    assert Training(0.1, 2_048, 0, first).fingerprint != first.fingerprint
    middle = soup([state, network(1).policy.state_dict()], [0.5, 0.5])
    assert np.isfinite(episodes(middle, [1])).all()


@pytest.mark.long
def test_calibration_at_a_small_budget(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = tmp_path / "control.json"
    options = ["--pretraining", 8192, "--fine-tuning", 4096, "--episodes", 6, "--output", file]
    done = CliRunner().invoke(main, [str(one) for one in options], catch_exceptions=False)
    assert "HV(soup)/HV(MORL)" in done.output
    found = json.loads(file.read_text())
    value, low, high = found["hypervolume_ratio"]
    assert low <= value <= high
    assert found["runs"] == {"soup": 2, "morl": 5}
    assert found["morl"][:2] == [found["soups"][0], found["soups"][-1]]
    cautious, risky = np.array(found["soups"])[:, 1], np.array(found["soups"])[:, 0]
    assert (cautious <= risky).all()
    assert len(found["margins"]["mean"]) == 7
    assert len(found["hypervolume_ratio_of_as_many"]) == 3
