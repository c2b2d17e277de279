"""Observations over HTTP: results that were measured elsewhere are taken in."""

from __future__ import annotations

from fastapi import APIRouter

from headway.wire.observations import ImportRequest, ImportResponse
from headway_server.api.access import worker
from headway_server.api.context import Context
from headway_server.api.once import OnceUnderKey
from headway_server.api.problems import responses
from headway_server.api.studies import StudyName
from headway_server.services.importing import import_rows

router = APIRouter(prefix="/v1/studies", tags=["data"])


@router.post(
    "/{study}/observations:batch",
    dependencies=[worker],
    responses=responses(400, 404, 409, 410, 413, 415, 422),
)
def import_observations(
    study: StudyName, request: ImportRequest, context: Context, once: OnceUnderKey
) -> ImportResponse:
    """Take in results that were measured elsewhere: up to 5,000, each with its own answer."""
    answered = once(import_rows, study, request)
    if answered.imported and not answered.dry_run:
        context.pulse.beat()
    return answered
