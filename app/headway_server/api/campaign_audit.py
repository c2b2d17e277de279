"""Audits of campaigns over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from headway.wire.campaign_audit import AuditReport, AuditRequest
from headway_server.api.access import editor, viewer
from headway_server.api.context import Context
from headway_server.api.once import OnceUnderKey
from headway_server.api.problems import responses
from headway_server.api.studies import StudyName
from headway_server.services import campaign_audit

router = APIRouter(prefix="/v1/studies/{study}/audit", tags=["studies"])

Number = Annotated[int | None, Query(ge=1, lt=2**31, description="An earlier audit")]


@router.post(
    "",
    dependencies=[editor],
    status_code=201,
    responses=responses(
        400,
        404,
        409,
        410,
        413,
        415,
        422,
        also={200: {"model": AuditReport, "description": "It had begun already"}},
    ),
)
def begin_audit(
    study: StudyName, request: AuditRequest, once: OnceUnderKey, context: Context, response: Response
) -> AuditReport:
    """Freeze the best trials of a campaign that is over, and have them measured again, beside random searches
    of equal budget. The work is that of ordinary studies, which `tasks` names: workers serve them. Safe to
    repeat: the same request about the same data is the same audit.
    """
    report, begun = once(campaign_audit.Auditor(context.engine).begin, study, request)
    response.status_code = 201 if begun else 200
    response.headers["Location"] = f"/v1/studies/{study}/audit?number={report.number}"
    return report


@router.get("", dependencies=[viewer], responses=responses(404, 410, 422))
def read_audit(study: StudyName, context: Context, number: Number = None) -> AuditReport:
    """The newest audit, or an earlier one: what was selected and what was measured again, side by side; once
    it is complete, the tests and the verdict.
    """
    return campaign_audit.read(context.database, study, number)
