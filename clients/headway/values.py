"""What an objective may return, and what the wire makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import SupportsFloat

from headway.wire.trial import MeasuredValue

Number = SupportsFloat
"""Anything that float() takes and that is no text: NumPy's and PyTorch's scalars too."""

Measured = Number | tuple[Number, Number] | MeasuredValue
"""A value, or (value, standard error)."""

Value = Measured | Mapping[str, Measured]
"""One objective's value, or every metric by name."""


def metrics_of(
    value: Value, objectives: tuple[str, ...], std_error: Number | None = None
) -> dict[str, float | MeasuredValue]:
    """The metrics of a result. Non-finite numbers pass: refusing them is the server's part.

    Raises:
        TypeError: not a number, a pair of numbers, or a mapping of these.
        ValueError: one number for a study with several objectives, or two standard errors.
    """
    if isinstance(value, Mapping):
        if std_error is not None:
            raise ValueError("Give the standard errors in the mapping: {name: (value, std_error)}.")
        return {str(name): _measured(one, name) for name, one in value.items()}
    if len(objectives) != 1:
        raise ValueError(f"The study has the objectives {', '.join(objectives)}: return {{name: value}}.")
    if std_error is not None:
        if isinstance(value, tuple | MeasuredValue):
            raise ValueError(f"Two standard errors: {value!r} and {std_error!r}. Give one.")
        value = (value, std_error)
    return {objectives[0]: _measured(value, objectives[0])}


def _measured(value: object, name: object) -> float | MeasuredValue:
    match value:
        case MeasuredValue():
            return value
        case (mean, error):
            return MeasuredValue(value=_number(mean, name), std_error=_number(error, name))
        case _:
            return _number(value, name)


def _number(value: object, name: object) -> float:
    if isinstance(value, str | bytes) or not isinstance(value, SupportsFloat):
        raise TypeError(
            f"{name} is {value!r}, which is no number. "
            "Return a number, (value, std_error) or {name: value}; "
            "raise headway.Infeasible where there is none."
        )
    return float(value)
