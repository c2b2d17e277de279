"""Early stopping: whether a trial that runs is worth its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from headway.wire.study import EarlyStopping


def hopeless(
    rule: EarlyStopping, *, step: int, best: float, others: Sequence[float], maximize: bool
) -> str | None:
    """Why a trial should stop; None where it should go on.

    The median stopping rule: stop where the trial's best value up to a step is strictly worse than the median
    of the other trials' running averages up to it. Golovin et al., "Google Vizier: A Service for Black-Box
    Optimization", KDD 2017, section 3.2.1.

    Args:
        rule: the study's.
        step: how far the trial is.
        best: its best value up to there.
        others: of each completed trial that has measured by then, the mean of its values up to there.
        maximize: whether larger is better.
    """
    if step < rule.min_step or len(others) < rule.min_trials or not math.isfinite(best):
        return None
    middle = median(others)
    worse = best < middle if maximize else best > middle
    if not worse:
        return None
    return (
        f"Up to step {step} the best value is {best:.6g}; the median over {len(others)} completed trials "
        f"is {middle:.6g}."
    )
