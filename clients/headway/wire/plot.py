"""GET …/plots/{kind}: what a plot is drawn from."""

from __future__ import annotations

from typing import Literal

from headway.wire.base import Response
from headway.wire.study import Objective

PlotKind = Literal["history", "front", "parallel"]
"""`history`: every completed trial in order of arrival, with the best until then, or the hypervolume.
`front`: the objectives of every completed trial, and which are on the front. `parallel`: the parameters and
what was measured at them."""


class Plot(Response):
    """Columns of one length."""

    kind: PlotKind
    objectives: tuple[Objective, ...]
    total: int
    """How many entries there are where `max_points` leaves some out."""
    columns: dict[str, list[object]]
    """`history`: `order` (1 for the first that completed), `trial`, `value`, `best`, `counts`, `at`; with
    several objectives `metrics.NAME` of each and `hypervolume` in place of `best`. `front`: `trial`,
    `counts`, `on_front`, `metrics.NAME`. `parallel`: `number`, `value`, `metrics.NAME` where there is more
    than one, and `params.NAME`."""
