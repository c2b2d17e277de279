import math

import numpy as np
import pytest

from headway.values import metrics_of
from headway.wire.trial import MeasuredValue

ONE = ("yield",)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0)])
def test_any_number_is_a_value(value):
    assert metrics_of(value, ONE) == {"yield": 2.0}


def test_pair_is_a_value_with_its_standard_error():
    assert metrics_of((2, 0.1), ONE) == {"yield": MeasuredValue(value=2, std_error=0.1)}


def test_standard_error_beside_the_value():
    assert metrics_of(2, ONE, 0.1) == metrics_of((2, 0.1), ONE)


def test_mapping_names_every_metric():
    assert metrics_of({"yield": (2, 0.1), "time": 3}, ONE) == {
        "yield": MeasuredValue(value=2, std_error=0.1),
        "time": 3.0,
    }


def test_not_a_number_passes_unchanged_for_the_server_to_judge():
    assert math.isnan(metrics_of(math.nan, ONE)["yield"])


@pytest.mark.parametrize("value", [None, "0.3", [1, 2, 3], pytest.param(object(), id="object")], ids=repr)
def test_what_is_no_number_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"yield is .* no number"):
        metrics_of(value, ONE)


def test_one_number_for_two_objectives_is_refused():
    with pytest.raises(ValueError, match="objectives a, b"):
        metrics_of(1.0, ("a", "b"))


@pytest.mark.parametrize("value", [(1.0, 0.1), {"yield": 1.0}], ids=repr)
def test_two_standard_errors_are_refused(value):
    with pytest.raises(ValueError, match="standard error"):
        metrics_of(value, ONE, 0.2)


def test_negative_standard_error_is_refused():
    with pytest.raises(ValueError, match="std_error"):
        metrics_of((1.0, -1.0), ONE)
