"""What the objectives of this room share: their space, and the course of a descent that may not arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headway.wire.base import Params
from headway.wire.space import Categorical, Float, When
from headway_workers.contract import Evaluation, Metric, Status, overdue
from headway_workers.matrix_completion.algorithms import ALGORITHMS, SingularFactor
from headway_workers.matrix_completion.descent import Iterate

WITH_STEP = When("algorithm", tuple(name for name, one in ALGORITHMS.items() if one.has_eta))
WITH_WEIGHT = When("algorithm", tuple(name for name, one in ALGORITHMS.items() if one.has_lam))


def algorithm_parameters(
    shortest_step: float,
) -> tuple[Categorical, Float, Float, Float]:
    """`algorithm`, and what only some of them have: `eta`, `lam`, `init_scale`.

    AltMin solves for its first X at once, whatever the scale of Y, so it has no `init_scale` either.
    """
    return (
        Categorical(tuple(ALGORITHMS), name="algorithm"),
        Float(shortest_step, 1.2, log=True, name="eta", when=WITH_STEP),
        Float(1e-4, 10.0, log=True, name="lam", when=WITH_WEIGHT),
        Float(1e-4, 1.0, log=True, name="init_scale", when=WITH_STEP),
    )


def number(params: Params, name: str, otherwise: float) -> float:
    """A parameter that may be inactive at this point."""
    return float(params.get(name, otherwise))


class Unfinished(Exception):
    """A descent ended before its last iteration."""

    def __init__(self, status: Status, reason: str, iteration: int) -> None:
        super().__init__(reason)
        self.status = status
        self.iteration = iteration

    def evaluation(self, operations_per_step: float) -> Evaluation:
        """The evaluation that ended so."""
        return Evaluation(
            status=self.status,
            reason=str(self),
            metrics={"ended_at": Metric(float(self.iteration))},
            operations=operations_per_step * self.iteration,
        )


def watched(iterates: Iterable[Iterate], iterations: int, deadline: float | None) -> Iterator[Iterate]:
    """The iterates, while all is well.

    Raises:
        Unfinished: descent has diverged, has no next step, or the deadline has passed.
    """
    reached = 0
    try:
        for at in iterates:
            reached = at.iteration
            if at.diverged:
                raise Unfinished("diverged", f"Diverged at iteration {reached} of {iterations}.", reached)
            if overdue(deadline):
                raise Unfinished("timeout", f"Time was up at iteration {reached}.", reached)
            yield at
    except SingularFactor as error:
        reason = f"No step from iteration {reached}: a factor is singular ({error})."
        raise Unfinished("solver_failed", reason, reached) from None


def is_rung(iteration: int) -> bool:
    """Whether to report here: at the powers of 2 from 16 on."""
    return iteration >= 16 and iteration & (iteration - 1) == 0
