"""Linear constraints on a point, read from expressions such as "x1 + 2*x2 <= 3".

Python's own parser reads them (`ast`); nothing is evaluated. A name that is no identifier stands in
backquotes. A chained comparison is several constraints.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from headway.wire.base import Params
from headway.wire.problem import FieldError
from headway.wire.space import Float, Int, Parameter
from headway_server.domain.parameters import Numeric, is_real, n_levels
from headway_server.domain.space_rules import MAX_STEPS

TOLERANCE = 1e-9
"""A point holds a constraint if it misses by at most this part of the constraint's scale."""
MAX_CONSTRAINTS = 100
MAX_LENGTH = 1_000

_BACKQUOTED = re.compile(r"`([^`]*)`")


@dataclass(frozen=True)
class LinearConstraint:
    """lower ≤ Σ coefficient × value ≤ upper, in the parameters' own units; one bound may be infinite."""

    text: str
    """As the user wrote it."""
    coefficients: Mapping[str, float]
    lower: float
    upper: float
    scale: float
    """How far apart the expression's values can lie: Σ |coefficient| × (high − low); at least a millionth
    of |bound| + Σ |coefficient| × the largest size of the parameter, where rounding begins to show."""

    @property
    def is_equality(self) -> bool:
        """Whether both bounds are the same."""
        return self.lower == self.upper

    def holds(self, params: Params, tolerance: float = TOLERANCE) -> bool:
        """Whether a point satisfies it, but for this part of its scale."""
        value = math.fsum(factor * float(params[name]) for name, factor in self.coefficients.items())
        slack = tolerance * self.scale
        return self.lower - slack <= value <= self.upper + slack


def sum_to_one(names: Sequence[str]) -> LinearConstraint:
    """Σ of the components of a simplex = 1, to 1e-9."""
    text = " + ".join(name if name.isidentifier() else f"`{name}`" for name in names)
    return LinearConstraint(f"{text} == 1", dict.fromkeys(names, 1.0), 1.0, 1.0, scale=1.0)


class NotLinear(ValueError):
    """An expression that is no linear constraint; the message is the remedy."""


def read_constraints(
    texts: Sequence[str], parameters: Sequence[Parameter], pointer: str
) -> tuple[tuple[LinearConstraint, ...], list[FieldError]]:
    """The constraints that the expressions state, and what is wrong with those that state none."""
    if len(texts) > MAX_CONSTRAINTS:
        message = f"The space has {len(texts)} constraints."
        return (), [FieldError(pointer=pointer, message=message, hint=f"Give at most {MAX_CONSTRAINTS}.")]
    by_name = {parameter.name: parameter for parameter in parameters}
    read: list[LinearConstraint] = []
    faults: list[FieldError] = []
    for i, text in enumerate(texts):
        try:
            read.extend(_constraints_of(text, by_name))
        except NotLinear as remedy:
            shown = text if len(text) <= 100 else f"{text[:100]}…"
            message = f"The constraint {shown!r} can't be used."
            faults.append(FieldError(pointer=f"{pointer}/{i}", message=message, hint=str(remedy)))
    return tuple(read), faults


def _constraints_of(text: str, by_name: Mapping[str, Parameter]) -> list[LinearConstraint]:
    if len(text) > MAX_LENGTH:
        raise NotLinear(f"Write it in at most {MAX_LENGTH} characters.")
    names = {normalize("NFKC", name): name for name in by_name if name.isidentifier()}
    prefix = "_"
    while prefix in text or any(name.startswith(prefix) for name in names):
        prefix += "_"
    quoted = [match[1] for match in _BACKQUOTED.finditer(text)]
    names |= {f"{prefix}{i}": name for i, name in enumerate(quoted)}
    places = iter(range(len(quoted)))
    plain = _BACKQUOTED.sub(lambda _: f"{prefix}{next(places)}", text)
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
        if not isinstance(tree, ast.Compare):
            raise NotLinear("Compare two sides with <=, >= or ==.")
        sides = [_linear(side, names, by_name) for side in (tree.left, *tree.comparators)]
    except SyntaxError as error:
        raise NotLinear(
            f"It is no expression: {error.msg}. Put a name that is no identifier in backquotes."
        ) from error
    except (RecursionError, MemoryError, OverflowError, ValueError) as error:
        if isinstance(error, NotLinear):
            raise
        raise NotLinear(f"It can't be read: {error}.") from error
    return [
        _constraint(text, left, operator, right, by_name)
        for left, operator, right in zip(sides, tree.ops, sides[1:], strict=False)
    ]


_Linear = dict[str, float]
"""Coefficient by parameter name; that of "" is the constant."""


def _constraint(
    text: str, left: _Linear, operator: ast.cmpop, right: _Linear, by_name: Mapping[str, Parameter]
) -> LinearConstraint:
    difference = _sum(left, right, -1.0)
    bound = -difference.pop("", 0.0)
    coefficients = {name: factor for name, factor in difference.items() if factor != 0.0}
    if not coefficients:
        raise NotLinear("Name at least one parameter that does not cancel out.")
    match operator:
        case ast.LtE():
            lower, upper = -math.inf, bound
        case ast.GtE():
            lower, upper = bound, math.inf
        case ast.Eq():
            lower = upper = bound
        case ast.Lt() | ast.Gt():
            raise NotLinear("Write <= or >=: a strict inequality has no best point.")
        case _:
            raise NotLinear("Compare with <=, >= or ==.")
    numbers = [(abs(factor), _parameter(name, by_name)) for name, factor in coefficients.items()]
    size = abs(bound) + sum(factor * max(abs(p.low), abs(p.high)) for factor, p in numbers)
    scale = max(sum(factor * (p.high - p.low) for factor, p in numbers), 1e-6 * size)
    if not math.isfinite(scale) or scale < 1e-280:
        raise NotLinear(f"Its terms add up to {scale!r}. Use numbers between 1e-280 and 1e300.")
    return LinearConstraint(text, coefficients, lower, upper, scale)


def _linear(node: ast.expr, names: Mapping[str, str], by_name: Mapping[str, Parameter]) -> _Linear:
    match node:
        case ast.Constant(value=bool() | complex()):
            raise NotLinear(f"{node.value!r} is no real number.")
        case ast.Constant(value=int() | float() as number):
            return {"": float(number)}
        case ast.Name(id=name):
            return {_parameter(names.get(name, name), by_name).name: 1.0}
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _scaled(_linear(operand, names, by_name), -1.0)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _linear(operand, names, by_name)
        case ast.BinOp(left=first, op=operator, right=second):
            return _combined(_linear(first, names, by_name), operator, _linear(second, names, by_name))
    raise NotLinear("Use numbers, parameters, +, -, *, / and parentheses only.")


def _combined(left: _Linear, operator: ast.operator, right: _Linear) -> _Linear:
    match operator:
        case ast.Add():
            return _sum(left, right, 1.0)
        case ast.Sub():
            return _sum(left, right, -1.0)
        case ast.Mult() if right.keys() <= {""}:
            return _scaled(left, right[""])
        case ast.Mult() if left.keys() <= {""}:
            return _scaled(right, left[""])
        case ast.Div() if right.keys() <= {""} and right[""] != 0.0:
            return _scaled(left, 1.0 / right[""])
        case ast.Mult() | ast.Div():
            raise NotLinear("Multiply or divide by numbers other than 0 only: it must be linear.")
    raise NotLinear("Use +, -, * and / only: it must be linear.")


def _sum(left: _Linear, right: _Linear, sign: float) -> _Linear:
    total = dict(left)
    for name, factor in right.items():
        total[name] = total.get(name, 0.0) + sign * factor
    return total


def _scaled(linear: _Linear, factor: float) -> _Linear:
    return {name: factor * one for name, one in linear.items()}


def _parameter(name: str, by_name: Mapping[str, Parameter]) -> Numeric:
    parameter = by_name.get(name)
    if parameter is None:
        raise NotLinear(f"There is no parameter {name!r}; the space has {', '.join(by_name)}.")
    if not isinstance(parameter, Float | Int):
        raise NotLinear(f"{name!r} is {parameter.type}: use float and int parameters only.")
    if parameter.when is not None:
        raise NotLinear(f"{name!r} is not always active: use unconditional parameters only.")
    if not is_real(parameter) and n_levels(parameter) > MAX_STEPS:
        raise NotLinear(f"{name!r} has more than {MAX_STEPS} values: narrow it, or make it a float.")
    return parameter
