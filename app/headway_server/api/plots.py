"""Plots over HTTP: the columns that they are drawn from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from headway.wire.plot import Plot, PlotKind
from headway_server.api.access import viewer
from headway_server.api.archives import IfNoneMatch
from headway_server.api.context import Context
from headway_server.api.problems import responses
from headway_server.api.studies import StudyName
from headway_server.api.trial_query import MAX_POINTS
from headway_server.services.plots import plot

router = APIRouter(prefix="/v1/studies/{study}/plots", tags=["plots"])

MaxPoints = Annotated[
    int, Query(ge=2, le=MAX_POINTS, description="The most entries of a column; the best are among them")
]


@router.get(
    "/{kind}",
    dependencies=[viewer],
    response_model=Plot,
    responses=responses(404, 410, 422, also={304: {"description": "The caller has it already"}}),
)
def read_plot(
    study: StudyName,
    kind: PlotKind,
    context: Context,
    max_points: MaxPoints = 2000,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """What a plot is drawn from, with its ETag."""
    made = plot(context.database, study, kind, max_points, if_none_match)
    headers = {"ETag": made.etag, "Cache-Control": "private, no-cache"}
    if made.plot is None:
        return Response(status_code=304, headers=headers)
    return Response(made.plot.model_dump_json(), headers=headers, media_type="application/json")
