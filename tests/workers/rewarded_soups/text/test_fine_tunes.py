import pytest
import torch

from headway_workers.rewarded_soups.text import fine_tunes
from headway_workers.rewarded_soups.text.fine_tunes import TimeIsUp, fine_tuned, fingerprint
from headway_workers.rewarded_soups.text.reinforce import TRAINABLE, FineTune, Recipe, Task

SMALL = Recipe(batch=3, trainable="head")
HAHA = Task((("haha", 1.0),), SMALL)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def after(steps):
    """`late`, from a number of steps on."""
    asked = iter(range(steps))
    return lambda: next(asked, None) is None


def test_fine_tune_is_the_same_twice(start, tmp_path, device):
    one, other = (fine_tuned(HAHA, 2, cache=tmp_path / name, device=device) for name in "ab")
    assert same(one, other)
    assert not same(one, start[0])


@pytest.mark.parametrize("trainable", TRAINABLE)
def test_killed_fine_tune_goes_on_where_it_was(start, tmp_path, trainable):
    task = Task((("haha", 0.5), ("sentiment", 0.5)), Recipe(batch=2, trainable=trainable), seed=3)
    whole = fine_tuned(task, 5, cache=tmp_path / "whole")
    with pytest.raises(TimeIsUp):
        fine_tuned(task, 5, cache=tmp_path, late=after(3))
    done = []
    found = fine_tuned(task, 5, cache=tmp_path, late=lambda: done.append(1))
    assert len(done) == 2
    assert same(found, whole)


def test_later_rung_goes_on_from_an_earlier_one_which_stays(start, tmp_path, monkeypatch):
    early, late = (fine_tuned(HAHA, steps, cache=tmp_path) for steps in (2, 4))
    assert same(late, fine_tuned(HAHA, 4, cache=tmp_path / "other"))
    monkeypatch.setattr(fine_tunes, "FineTune", None)
    assert same(fine_tuned(HAHA, 2, cache=tmp_path), early)


def test_progress_is_kept_on_the_way(start, tmp_path, monkeypatch):
    monkeypatch.setattr(fine_tunes, "KEPT_EVERY", 2)
    monkeypatch.setattr(FineTune, "step", after_steps(FineTune.step, 3))
    with pytest.raises(KeyboardInterrupt):
        fine_tuned(HAHA, 9, cache=tmp_path)
    monkeypatch.undo()
    asked = []
    fine_tuned(HAHA, 4, cache=tmp_path, late=lambda: asked.append(1))
    assert len(asked) == 2


def after_steps(step, most):
    """The method, interrupted after so many calls."""
    calls = iter(range(most))

    def interrupted(self):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return step(self)

    return interrupted


@pytest.mark.parametrize(
    ("trainable", "moves"),
    [
        ("head", {"attention", "output"}),
        ("head_rnn2", {"attention", "output", "rnn_2"}),
        ("all", {"attention", "output", "rnn_2", "rnn_1", "embedding"}),
    ],
)
def test_only_the_trainable_layers_move(start, tmp_path, trainable, moves):
    task = Task((("haha", 1.0),), Recipe(batch=2, trainable=trainable))
    found = fine_tuned(task, 1, cache=tmp_path)
    moved = {name.partition(".")[0] for name, one in start[0].items() if not torch.equal(one, found[name])}
    assert moved == moves


def test_fingerprint_tells_tasks_apart():
    others = [
        Task((("haha", 0.5),), SMALL),
        Task((("sad", 1.0),), SMALL),
        Task((("haha", 1.0),), SMALL, seed=1),
        Task((("haha", 1.0),), Recipe(batch=3, trainable="head", kl_coef=0.06)),
    ]
    assert len({fingerprint(task, "cpu") for task in (HAHA, *others)}) == 5
    assert fingerprint(HAHA, "cuda:1") == fingerprint(HAHA, "cuda") != fingerprint(HAHA, "cpu")


def test_divergence_is_said(start, tmp_path):
    with pytest.raises(FloatingPointError, match="at step"):
        fine_tuned(Task((("haha", 1.0),), Recipe(batch=2, kl_coef=float("inf"))), 4, cache=tmp_path)


@pytest.mark.long
def test_reward_rises_and_a_strong_leash_holds_it(start):
    gained = []
    for kl_coef in (0.0, 100.0):
        tuning = FineTune(Task((("haha", 1.0),), Recipe(1e-2, kl_coef, 24, 1.0, "head")))
        batches = [tuning.step().mean() for _ in range(16)]
        gained.append(sum(batches[-4:]) / 4 - sum(batches[:4]) / 4)
    assert gained[0] > 0.1
    assert gained[1] < gained[0] - 0.1
