"""Parameter definitions: the same classes in the user's code, on the wire and in the server.

They hold shapes and types. Whether the numbers make sense (low below high, a positive bound under a
log scale) is judged once, by the server's domain, which names the field, the value and the remedy.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from headway.wire.base import ParamValue, Request

_config = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, config=_config)
class Float:
    """A real number in [low, high]; with `log`, searched uniformly in its logarithm."""

    low: float
    high: float
    log: bool = False
    name: str = field(default="", kw_only=True)
    type: Literal["float"] = field(default="float", kw_only=True)


@dataclass(frozen=True, config=_config)
class Int:
    """A whole number in [low, high], both ends included; with `log`, searched in its logarithm."""

    low: int
    high: int
    log: bool = False
    name: str = field(default="", kw_only=True)
    type: Literal["int"] = field(default="int", kw_only=True)


@dataclass(frozen=True, config=_config)
class Categorical:
    """One of several choices without an order: strings, numbers or booleans."""

    choices: tuple[ParamValue, ...]
    name: str = field(default="", kw_only=True)
    type: Literal["categorical"] = field(default="categorical", kw_only=True)


@dataclass(frozen=True, config=_config)
class Boolean:
    """True or False."""

    name: str = field(default="", kw_only=True)
    type: Literal["boolean"] = field(default="boolean", kw_only=True)


Parameter = Annotated[Float | Int | Categorical | Boolean, Field(discriminator="type")]


class Space(Request):
    """A search space as it travels: its parameters, in order."""

    parameters: tuple[Parameter, ...]
