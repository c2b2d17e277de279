"""A measured number as it travels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from headway.wire.base import Request

MetricRole = Literal["selection", "audit", "diagnostic"]
"""`selection`: the optimiser saw it. `audit`: from data or seeds it never saw. Else `diagnostic`."""


class MeasuredValue(Request):
    """One metric with its uncertainty. Non-finite numbers are refused by the service, by name."""

    model_config = ConfigDict(allow_inf_nan=True)

    value: float
    std_error: Annotated[float, Field(ge=0)] | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    """How many repeats the value is the mean of."""
    role: MetricRole | None = None
    """What the number may be used for; None: nobody said."""
