"""Which points satisfy linear constraints: decided exactly, by mixed-integer linear programming.

scipy's `milp` (HiGHS) is imported where it is needed: most studies have no constraints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from headway.wire.base import Params
from headway.wire.problem import FieldError
from headway.wire.space import Float, Int
from headway_server.domain.constraints import TOLERANCE
from headway_server.domain.errors import ConstraintsInfeasible
from headway_server.domain.parameters import Numeric, from_uniform, is_real, level_value, n_levels
from headway_server.domain.shares import shares
from headway_server.domain.space import SearchSpace

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

TRIES = 200
LONGEST_S = 5.0
"""The solver gives up after this long, seconds: only numbers made to defeat it take so long."""


def require_feasible(
    space: SearchSpace, held: Params | None = None, pointer: str = "/space/constraints"
) -> None:
    """Refuse constraints that no point satisfies, with some values held where a request does so.

    Raises:
        ConstraintsInfeasible: naming constraints that can't hold together.
    """
    if not space.constraints or nearest(space, {}, held) is not None:
        return
    guilty = list(space.constraints)
    for constraint in space.constraints:  # leave out whatever is not needed for the contradiction
        fewer = [one for one in guilty if one is not constraint]
        if fewer and nearest(SearchSpace(space.parameters, tuple(fewer)), {}, held) is None:
            guilty = fewer
    names = {name for constraint in guilty for name in constraint.coefficients}
    fixed = "".join(f", {name} = {value!r}" for name, value in (held or {}).items() if name in names)
    texts = " and ".join(dict.fromkeys(repr(constraint.text) for constraint in guilty))
    raise ConstraintsInfeasible(
        f"No point within the parameters' ranges satisfies {texts}{fixed}. Loosen one of them.",
        FieldError(
            pointer=pointer,
            message=f"No point within the parameters' ranges satisfies {texts}{fixed}.",
            hint="Loosen one of them.",
        ),
    )


def nearest(space: SearchSpace, target: Mapping[str, float], held: Params | None = None) -> Params | None:
    """Values of the parameters that constraints name, satisfying them all, near a target; None where there
    are none.

    Near is the least sum of |difference| / range over those parameters that `target` names. Whole numbers
    and steps are exact; real numbers satisfy the constraints as plain float arithmetic evaluates them, to
    the constraints' own tolerance.
    """
    system = _System(space, held or {})
    found = system.nearest(target)
    # Where rounding spoils what is nearest, any point is better than none.
    return system.nearest({}) if found is None and target else found


def random_point(space: SearchSpace, draw: Callable[[], float], held: Params | None = None) -> Params:
    """A valid point with the held values: uniform where drawing again and again finds one, otherwise the
    nearest to a random one.

    Args:
        space: a feasible one.
        draw: gives uniform numbers in [0, 1).
        held: checked values.
    """
    for _ in range(TRIES):
        values = {p.name: from_uniform(p, draw()) for p in space.parameters} | (held or {})
        values |= _separate_shares(space, values, held or {})
        if space.holds(values):
            return space.without_inactive(values)
    named = {name for constraint in space.constraints for name in constraint.coefficients}
    found = nearest(space, {name: float(values[name]) for name in named}, held)
    if found is None:
        raise AssertionError("no point satisfies constraints that were checked")
    return space.without_inactive(values | found)


def _separate_shares(space: SearchSpace, uniform: Params, held: Params) -> Params:
    """The components of simplexes that no other constraint binds, made of the numbers that they have."""
    found: Params = {}
    for simplex in space.separate_simplexes:
        free = [name for name in simplex.components if name not in held]
        whole = 1.0 - math.fsum(float(held[name]) for name in simplex.components if name in held)
        if free:
            drawn = shares([float(uniform[name]) for name in free], max(whole, 0.0))
            found |= dict(zip(free, drawn, strict=True))
    return found


@dataclass(frozen=True)
class _Program:
    """lower ≤ matrix z ≤ upper and low ≤ z ≤ high: (k, m), (k,), (k,), (m,), (m,)."""

    matrix: Array
    lower: Array
    upper: Array
    low: Array
    high: Array

    def solve(self, goal: Array, weight: Array, whole: npt.NDArray[np.bool_]) -> Array | None:
        """The z (m,) with the least Σ weight |z − goal|, whole where it must be; None where there is none."""
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp

        m = len(goal)
        chosen = np.diag(weight)[weight > 0.0]
        k, eye = len(chosen), np.eye(len(chosen))
        at = (weight * goal)[weight > 0.0]
        solution = milp(  # with one further variable s ≥ |weight (z − goal)| each
            np.concatenate([np.zeros(m), np.ones(k)]),
            integrality=np.concatenate([whole.astype(int), np.zeros(k, dtype=int)]),
            bounds=Bounds(
                np.concatenate([self.low, np.zeros(k)]), np.concatenate([self.high, np.full(k, np.inf)])
            ),
            constraints=[
                LinearConstraint(
                    np.hstack([self.matrix, np.zeros((len(self.matrix), k))]), self.lower, self.upper
                ),
                LinearConstraint(
                    np.block([[chosen, -eye], [-chosen, -eye]]), -np.inf, np.concatenate([at, -at])
                ),
            ],
            options={"time_limit": LONGEST_S},
        )
        return None if solution.x is None else np.clip(solution.x[:m], self.low, self.high)

    def corrected(self, z: Array) -> Array:
        """Least-squares steps onto the constraints that the solver's tolerance lets z (m,) miss."""
        import numpy as np

        movable = self.high > self.low
        for _ in range(50):  # alternately onto what is missed and back into the box
            value = self.matrix @ z
            miss = np.clip(value, self.lower, self.upper) - value
            rows = miss != 0.0
            if not rows.any():
                break
            z = z.copy()
            z[movable] += np.linalg.pinv(self.matrix[rows][:, movable]) @ miss[rows]
            z = np.clip(z, self.low, self.high)
        return z


@dataclass(frozen=True)
class _System:
    """The constraints over z: a real number's place in [0, 1] of its range, a discrete one's level."""

    space: SearchSpace
    held: Params

    @cached_property
    def parameters(self) -> list[Numeric]:
        named = dict.fromkeys(name for one in self.space.constraints for name in one.coefficients)
        return [p for name in named if isinstance(p := self.space.by_name[name], Float | Int)]

    def nearest(self, target: Mapping[str, float]) -> Params | None:
        import numpy as np

        program = self.program()
        levels = np.array([not is_real(p) for p in self.parameters])
        wanted = [p.name in target and p.name not in self.held for p in self.parameters]
        goal = np.array([z_of(p, target.get(p.name, float(p.low))) for p in self.parameters])
        reach = np.array([1.0 if is_real(p) else max(n_levels(p) - 1.0, 1.0) for p in self.parameters])
        weight = np.where(wanted, 1.0 / reach, 0.0)
        z = program.solve(goal, weight, levels)
        if z is None:
            return None
        z = np.where(levels, np.rint(z), z)
        if self.holds(params := self.params(z)):
            return params
        # The solver's tolerance shows: with the levels as they are, solve for the real numbers alone.
        low, high = np.where(levels, z, program.low), np.where(levels, z, program.high)
        program = replace(program, low=low, high=high)
        exact = program.solve(goal, weight, np.zeros(len(z), dtype=bool))
        if exact is None:
            return None
        params = self.params(program.corrected(exact))
        return params if self.holds(params) else None

    def holds(self, params: Params) -> bool:
        return all(constraint.holds(params, 0.1 * TOLERANCE) for constraint in self.space.constraints)

    def program(self) -> _Program:
        """The constraints, each divided by its largest coefficient in z."""
        import numpy as np

        constraints = self.space.constraints
        units = np.array([unit_of_z(p) for p in self.parameters])
        factors = np.array([[c.coefficients.get(p.name, 0.0) for p in self.parameters] for c in constraints])
        size = np.abs(factors * units).max(axis=1)
        factors /= size[:, None]
        offset = factors @ np.array([float(p.low) for p in self.parameters])
        low = np.zeros(len(self.parameters))
        high = np.array([1.0 if is_real(p) else n_levels(p) - 1.0 for p in self.parameters])
        for j, parameter in enumerate(self.parameters):
            if parameter.name in self.held:
                low[j] = high[j] = z_of(parameter, float(self.held[parameter.name]))
        return _Program(
            factors * units,
            np.array([one.lower for one in constraints]) / size - offset,
            np.array([one.upper for one in constraints]) / size - offset,
            low,
            high,
        )

    def params(self, z: Array) -> Params:
        found: Params = {}
        for parameter, place in zip(self.parameters, z.tolist(), strict=True):
            if parameter.name in self.held:
                found[parameter.name] = self.held[parameter.name]
            elif is_real(parameter):
                value = parameter.low + place * (parameter.high - parameter.low)
                found[parameter.name] = min(parameter.high, max(parameter.low, value))
            else:
                found[parameter.name] = level_value(parameter, round(place))
        return found


def unit_of_z(parameter: Numeric) -> float:
    """How much of the parameter one unit of z is."""
    if is_real(parameter):
        return float(parameter.high) - float(parameter.low)
    return float(parameter.step or 1)


def z_of(parameter: Numeric, value: float) -> float:
    """A real number's place in [0, 1] of its range; a discrete one's level."""
    if is_real(parameter):
        return min(1.0, max(0.0, (value - parameter.low) / unit_of_z(parameter)))
    top = n_levels(parameter) - 1
    return float(min(top, max(0, math.floor((value - parameter.low) / unit_of_z(parameter) + 0.5))))
