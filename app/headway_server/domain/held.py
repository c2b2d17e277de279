"""Values that a request for trials holds: what it fixes, and the context in which it will be evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field

from headway.wire.base import Params
from headway.wire.problem import FieldError
from headway_server.domain.errors import InactiveParameter, ValidationFailed
from headway_server.domain.feasibility import require_feasible
from headway_server.domain.parameters import same
from headway_server.domain.space import SearchSpace, condition


@dataclass(frozen=True)
class Held:
    """Checked values by name. Both kinds mean the same to the engine: these coordinates stay."""

    fixed: Params = field(default_factory=dict)
    context: Params = field(default_factory=dict)

    @property
    def values(self) -> Params:
        """All of them."""
        return self.fixed | self.context

    def agrees(self, params: Params) -> bool:
        """Whether a point has these values."""
        return all(name in params and same(params[name], value) for name, value in self.values.items())


NOTHING_HELD = Held()


def check_held(space: SearchSpace, fixed: Params | None, context: Params | None) -> Held:
    """The held values in their parameters' own types.

    Raises:
        UnknownParameter, OutOfBounds: a name or a value that the space lacks.
        ValidationFailed: a parameter is both fixed and context.
        InactiveParameter: a parameter is not certain to be active with these values.
        ConstraintsInfeasible: no point with these values satisfies the space's constraints.
    """
    checked: list[Params] = []
    for pointer, given in (("/fixed", fixed or {}), ("/context", context or {})):
        space.check_names(given, pointer)
        checked.append(space.check_values(given, pointer))
    held = Held(*checked)
    if twice := held.fixed.keys() & held.context.keys():
        name = min(twice)
        raise ValidationFailed.at(
            f"/context/{name}", f"{name!r} is both fixed and context.", "Give it once, in one of them."
        )
    active = space.active(held.values)
    if idle := [p for p in space.parameters if p.name in held.values.keys() - active]:
        raise InactiveParameter.over(
            [
                FieldError(
                    pointer=f"/{'fixed' if p.name in held.fixed else 'context'}/{p.name}",
                    message=f"{p.name!r} is not active with these values alone.",
                    hint=f"Leave it out, or fix that {condition(p.when.parent, p.when.equals)} too.",
                )
                for p in idle
                if p.when is not None
            ]
        )
    if held.values:
        require_feasible(space, held.values, "/fixed" if held.fixed else "/context")
    return held
