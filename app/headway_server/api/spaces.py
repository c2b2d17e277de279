"""A study's search space over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from headway.wire.space_versions import SpacePut, SpaceView
from headway_server.api.access import editor, viewer
from headway_server.api.context import Context
from headway_server.api.problems import responses
from headway_server.api.studies import IfMatch, StudyName
from headway_server.services import spaces

router = APIRouter(prefix="/v1/studies/{study}/space", tags=["studies"])

Version = Annotated[int | None, Query(ge=1, lt=2**31, description="An earlier version")]


@router.get("", dependencies=[viewer], responses=responses(404, 410, 422))
def read_space(study: StudyName, context: Context, response: Response, version: Version = None) -> SpaceView:
    """The search space, all its versions, and what of the data the present one can use."""
    view = spaces.read_space(context.database, study, version)
    response.headers["ETag"] = view.etag
    return view


@router.put("", dependencies=[editor], responses=responses(400, 404, 410, 412, 413, 415, 422, 428))
def put_space(
    study: StudyName, change: SpacePut, context: Context, response: Response, if_match: IfMatch = None
) -> SpaceView:
    """Put the next version of the space in force; results of earlier ones stay. Needs If-Match."""
    view = spaces.change_space(context.database, study, change, if_match)
    response.headers["ETag"] = view.etag
    context.pulse.beat()
    return view
