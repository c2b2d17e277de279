"""Parameter definitions: the same classes in the user's code, on the wire and in the server.

They hold shapes and types. Whether the numbers make sense (low below high, a positive bound under a
log scale) is judged once, by the server's domain, which names the field, the value and the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, FailFast, Field
from pydantic.dataclasses import dataclass

from headway.wire.base import ParamValue, Request

_config = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, config=_config)
class When:
    """A condition: the parent is active and has one of these values.

    The parent is a categorical, boolean, ordinal or int parameter, declared anywhere in the space. A
    parameter whose condition does not hold is inactive: the point has no value for it.
    """

    parent: str
    equals: Annotated[tuple[ParamValue, ...], FailFast()]


@dataclass(frozen=True, config=_config)
class Float:
    """A real number in [low, high]; with `log`, searched uniformly in its logarithm; with `step`, one of
    low, low + step, low + 2 step, … up to high.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: When | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)
    type: Literal["float"] = field(default="float", kw_only=True)


@dataclass(frozen=True, config=_config)
class Int:
    """A whole number in [low, high], both ends included; with `log`, searched in its logarithm; with
    `step`, one of low, low + step, low + 2 step, … up to high.
    """

    low: int
    high: int
    log: bool = False
    step: int | None = None
    when: When | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)
    type: Literal["int"] = field(default="int", kw_only=True)


@dataclass(frozen=True, config=_config)
class Ordinal:
    """One of several levels in order, as far apart from one to the next: numbers or strings."""

    values: Annotated[tuple[ParamValue, ...], FailFast()]
    when: When | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)
    type: Literal["ordinal"] = field(default="ordinal", kw_only=True)


@dataclass(frozen=True, config=_config)
class Categorical:
    """One of several choices without an order: strings, numbers or booleans."""

    choices: Annotated[tuple[ParamValue, ...], FailFast()]
    when: When | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)
    type: Literal["categorical"] = field(default="categorical", kw_only=True)


@dataclass(frozen=True, config=_config)
class Boolean:
    """True or False."""

    when: When | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)
    type: Literal["boolean"] = field(default="boolean", kw_only=True)


@dataclass(frozen=True, config=_config)
class Simplex:
    """Shares of a whole: numbers of at least 0 that sum to 1, uniformly distributed where they are random.

    Each component is a parameter of its own, a real number in [0, 1] under the name given here: points,
    constraints and fixed values speak of components. The simplex's name stands for the group alone.
    """

    components: Annotated[tuple[str, ...], FailFast()]
    name: str = field(default="", kw_only=True)
    type: Literal["simplex"] = field(default="simplex", kw_only=True)

    @property
    def shares(self) -> tuple[Float, ...]:
        """The components as parameters."""
        return tuple(Float(0.0, 1.0, name=component) for component in self.components)


Parameter = Annotated[Float | Int | Ordinal | Categorical | Boolean, Field(discriminator="type")]
"""A parameter that a point has one value of."""

Declared = Annotated[Float | Int | Ordinal | Categorical | Boolean | Simplex, Field(discriminator="type")]
"""What a space is declared with: a simplex stands for several parameters."""


class Space(Request):
    """A search space as it travels: its parameters, in order, and what every point must satisfy."""

    parameters: Annotated[tuple[Declared, ...], FailFast()]
    constraints: Annotated[tuple[str, ...], FailFast()] = ()
    """Linear inequalities and equalities in the parameters' own units: "x1 + 2*x2 <= 3".

    `+`, `-`, `*` and `/` by numbers, parentheses, `<=`, `>=`, `==`, also chained; a name that is no
    identifier stands in backquotes. They bind numeric parameters (Float, Int, a simplex's components) that
    are always active.
    """

    @property
    def scalars(self) -> tuple[Parameter, ...]:
        """The parameters that a point has values of, in order: a simplex's components in its place."""
        return scalars(self.parameters)


def scalars(declared: Sequence[Declared]) -> tuple[Parameter, ...]:
    """The parameters that a point has values of, in order: a simplex's components in its place."""
    found: list[Parameter] = []
    for one in declared:
        found.extend(one.shares if isinstance(one, Simplex) else (one,))
    return tuple(found)
