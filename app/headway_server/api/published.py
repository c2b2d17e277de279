"""The limits, published."""

from __future__ import annotations

from fastapi import APIRouter

from headway.wire.limits import Limits, RateView
from headway.wire.model import MAX_POINTS as MAX_PREDICTED
from headway.wire.observations import MAX_ROWS
from headway.wire.study import (
    MAX_BUDGET,
    MAX_LEASE_S,
    MAX_OBJECTIVES,
    MAX_OUTCOME_CONSTRAINTS,
    MIN_LEASE_S,
)
from headway.wire.trial import MAX_COUNT, MAX_WAIT_MS
from headway_server.api.access import viewer
from headway_server.api.context import Context
from headway_server.api.problems import responses
from headway_server.api.rates import rates_of
from headway_server.api.studies import MAX_PAGE
from headway_server.api.trial_query import MAX_POINTS
from headway_server.domain.constraints import MAX_CONSTRAINTS
from headway_server.domain.space_rules import MAX_CHOICES, MAX_PARAMETERS
from headway_server.domain.study import TOMBSTONE

router = APIRouter(prefix="/v1/limits", tags=["limits"])


@router.get("", dependencies=[viewer], responses=responses(422))
def read_limits(context: Context) -> Limits:
    """How much of everything the server takes, and how often this key may ask."""
    settings = context.settings
    limited = context.database.actor.has_key
    return Limits(
        body_bytes=settings.max_body_bytes,
        import_bytes=settings.max_import_bytes,
        count=MAX_COUNT,
        parameters=MAX_PARAMETERS,
        constraints=MAX_CONSTRAINTS,
        choices=MAX_CHOICES,
        objectives=MAX_OBJECTIVES,
        outcome_constraints=MAX_OUTCOME_CONSTRAINTS,
        budget=MAX_BUDGET,
        import_rows=MAX_ROWS,
        predicted_points=MAX_PREDICTED,
        page=MAX_PAGE,
        max_points=MAX_POINTS,
        lease_s=(MIN_LEASE_S, MAX_LEASE_S),
        wait_ms=MAX_WAIT_MS,
        tombstone_days=TOMBSTONE.days,
        rates={
            bucket: RateView.model_validate(rate)
            for bucket, rate in (rates_of(settings).items() if limited else ())
        },
    )
