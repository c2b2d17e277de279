"""Measurements over HTTP: a trial's intermediate values, written and read."""

from __future__ import annotations

from fastapi import APIRouter

from headway.wire.measurement import MeasurementPage, MeasurementsRequest, MeasurementsResponse
from headway_server.api.access import viewer, worker
from headway_server.api.context import Context
from headway_server.api.problems import responses
from headway_server.api.studies import Cursor, Limit, StudyName
from headway_server.api.trials import Number
from headway_server.services import measurements

router = APIRouter(prefix="/v1/studies/{study}/trials/{number}", tags=["trials"])


@router.post("/measurements", dependencies=[worker], responses=responses(400, 404, 409, 410, 413, 415, 422))
def add_measurements(
    study: StudyName, number: Number, request: MeasurementsRequest, context: Context
) -> MeasurementsResponse:
    """Report intermediate values; renews the lease, and says whether to go on. Safe to repeat."""
    return measurements.measure(context.database, study, number, request)


@router.get("/measurements", dependencies=[viewer], responses=responses(404, 410, 422))
def list_measurements(
    study: StudyName, number: Number, context: Context, cursor: Cursor = None, limit: Limit = 100
) -> MeasurementPage:
    """A trial's intermediate values by attempt and step."""
    return measurements.page(context.database, study, number, cursor, limit)
