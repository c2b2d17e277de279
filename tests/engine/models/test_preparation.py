"""Posteriors built beside the answers are those that the question itself would have built, bit for bit."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.wire.study import Objective
from headway.wire.trial import MeasuredValue
from headway_server.domain.goals import Goals
from headway_server.engine import Fitted, Optimizer
from tests.engine.spaces import box

PROBE = [{"x0": a, "x1": b} for a in (0.1, 0.5, 0.9) for b in (0.0, 0.7)]


def goals(space):
    return Goals.of(space, (Objective(name="a"), Objective(name="b")), ("c <= 1",))


def told(rows, optimizer):
    """Tell one metric of a plain optimizer, or three."""
    for x, y in rows:
        metrics = {"a": (x - 0.2) ** 2 + y, "b": (x - 0.8) ** 2 + y, "c": x + y}
        if optimizer.goals.plain:
            optimizer.tell({"x0": x, "x1": y}, metrics["a"])
        else:
            optimizer.tell_metrics(
                {"x0": x, "x1": y}, {k: MeasuredValue(value=v) for k, v in metrics.items()}
            )


def bits(optimizer):
    suggestions = [optimizer.ask(number=number, given_out=[]) for number in (100, 101)]
    receipts = [one.receipt.model_copy(update={"compute_ms": 0.0}) for one in suggestions]
    told = (optimizer.predict(PROBE), optimizer.predict_metrics(PROBE))
    models = [optimizer._model, *optimizer._others.models.values()]
    inverses = [(m.posterior.inverse.tobytes(), m.posterior.alpha.tobytes()) for m in models]
    return [one.params for one in suggestions], receipts, told, inverses


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    at_fit=st.integers(4, 40),
    during_fit=st.integers(0, 12),
    during_preparation=st.integers(0, 12),
    several=st.booleans(),
    going_on=st.booleans(),
)
def test_adopting_what_was_prepared_changes_no_bit(
    seed, at_fit, during_fit, during_preparation, several, going_on
):
    space = box(2)
    rows = np.random.default_rng(seed).random((at_fit + during_fit + during_preparation, 2)).tolist()
    rows[-1] = rows[0]  # a replicate
    beside, in_place = (
        Optimizer(space, refit="external", goals=goals(space) if several else None) for _ in range(2)
    )
    for optimizer in (beside, in_place):
        told(rows[: at_fit // 2], optimizer)
        optimizer.ask(number=50)
        told(rows[at_fit // 2 : at_fit], optimizer)
    fitted = beside.fit_task().run()
    told(rows[at_fit : at_fit + during_fit], beside)
    fitted = Fitted.model_validate_json(fitted.model_dump_json())
    task = pickle.loads(pickle.dumps(beside.preparation(fitted), 5))
    told(rows[at_fit + during_fit :], beside)
    beside.ask(number=60)  # by the old fit, meanwhile
    assert beside.model_version == 1
    prepared = pickle.loads(pickle.dumps(task.run(), 5))
    if going_on:
        assert beside.behind(prepared) == during_preparation
        prepared = pickle.loads(pickle.dumps(beside.preparation(fitted, prepared).run(), 5))
        assert beside.behind(prepared) == 0
    beside.adopt(fitted, 2, prepared)
    told(rows[at_fit:], in_place)
    in_place.adopt(fitted, 2)
    assert bits(beside) == bits(in_place)
    assert beside.fit_due() == in_place.fit_due()


def test_a_preparation_is_a_snapshot():
    optimizer = Optimizer(box(2), refit="external")
    told([(0.1, 0.2), (0.5, 0.5), (0.9, 0.3)], optimizer)
    task = optimizer.preparation(optimizer.fit_task().run())
    told([(0.7, 0.7)] * 100, optimizer)
    assert task.run().first.posterior.n == 3


def test_a_failed_fit_can_not_be_prepared():
    optimizer = Optimizer(box(2), refit="external")
    told([(0.1, 0.2), (0.5, 0.5)], optimizer)
    failed = Fitted(status="failed", reason="bad luck", n_observed=2)
    with pytest.raises(AssertionError, match="bad luck"):
        optimizer.preparation(failed).run()


def test_the_fit_in_use_under_another_version_keeps_its_posterior():
    optimizer = Optimizer(box(2), refit="external", goals=None)
    told(np.random.default_rng(0).random((20, 2)).tolist(), optimizer)
    optimizer.ask(number=30)
    before = optimizer._model.posterior
    optimizer.adopt(Fitted.model_validate_json(optimizer.fitted.model_dump_json()), 5)
    assert optimizer.ask(number=31).receipt.model_version == 5
    assert optimizer._model.posterior is before
