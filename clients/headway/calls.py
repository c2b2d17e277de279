"""The API's calls as values: how each is asked, and how its answer is read. No I/O.

A driver (`connection.py`, and an asynchronous twin of it) sends them and repeats them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Generic, Literal, TypeVar
from urllib.parse import quote, urljoin
from uuid import uuid4

from pydantic import ValidationError

from headway.errors import ApiError, UnreadableAnswer, error_of
from headway.wire.amendments import TrialPatch
from headway.wire.base import Nothing, Params, Request, Response
from headway.wire.campaign_audit import AuditReport, AuditRequest
from headway.wire.events import EventPage
from headway.wire.explanation import ExplainRequest, Explanation
from headway.wire.limits import Limits
from headway.wire.manual import TrialCreate
from headway.wire.measurement import (
    Measurement,
    MeasurementPage,
    MeasurementsRequest,
    MeasurementsResponse,
)
from headway.wire.model import ModelSummary, PredictRequest, PredictResponse
from headway.wire.observations import ImportRequest, ImportResponse
from headway.wire.plot import Plot, PlotKind
from headway.wire.problem import Problem
from headway.wire.space_versions import SpacePut, SpaceView
from headway.wire.study import BestResponse, Convergence, StudyDefinition, StudyPage, StudyPatch, StudyView
from headway.wire.trial import (
    FinishRequest,
    FinishResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    ReleaseRequest,
    ReleaseResponse,
    SuggestRequest,
    SuggestResponse,
    TrialColumns,
    TrialPage,
    TrialView,
)
from headway.wire.trial_filter import EVERY_TRIAL, TrialFilter
from headway.wire.workers import WorkerPage

AnswerT = TypeVar("AnswerT", bound=Response)

ExportFormat = Literal["csv", "ndjson", "parquet", "json"]

PAGE = 1000
"""Rows asked for at once: the most that the server gives."""


class Document(Response):
    """An answer that is a file, as it came."""

    content: bytes


@dataclass(frozen=True)
class Call(Generic[AnswerT]):
    """One call of the API. Every one is safe to repeat: a POST carries the same key each time."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    answer: type[AnswerT]
    body: Request | None = None
    raw: bytes | None = None
    """A body that is JSON already, in place of `body`."""
    query: Mapping[str, str | float] = field(default_factory=dict)
    held_s: float = 0.0
    """How long the server may hold the answer back by request, seconds."""
    key: str = field(default_factory=lambda: str(uuid4()))
    if_match: str | None = None
    """The ETag that what is to be changed must have; `*`: any."""

    def content(self) -> bytes | None:
        """The body as JSON. A NaN travels as NaN, so that the server can refuse it by name."""
        if self.body is None:
            return self.raw
        plain = self.body.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return json.dumps(plain).encode()

    def headers(self) -> dict[str, str]:
        """The headers that belong to this call."""
        if self.method == "GET":
            return {}
        guard = {} if self.if_match is None else {"If-Match": self.if_match}
        return {"Idempotency-Key": self.key, "Content-Type": "application/json", **guard}


def create_study(definition: StudyDefinition) -> Call[StudyView]:
    """Create a study, or get the one that the same definition made before."""
    return Call("POST", "/v1/studies", StudyView, definition)


def list_studies(cursor: str | None = None, *, audits: bool = False) -> Call[StudyPage]:
    """A page of studies by name; with `audits` also those that were made for audits."""
    query = _page(cursor) | ({"audits": "true"} if audits else {})
    return Call("GET", "/v1/studies", StudyPage, query=query)


def read_study(study: str) -> Call[StudyView]:
    """One study."""
    return Call("GET", _study(study), StudyView)


def change_study(study: str, patch: StudyPatch, etag: str | None = None) -> Call[StudyView]:
    """Set a study's state, budget or notes, provided that it still has this ETag."""
    return Call("PATCH", _study(study), StudyView, patch, if_match=etag or "*")


def read_space(study: str, version: int | None = None) -> Call[SpaceView]:
    """A study's search space, the present one or an earlier version."""
    query: dict[str, str | int] = {} if version is None else {"version": version}
    return Call("GET", f"{_study(study)}/space", SpaceView, query=query)


def change_space(study: str, change: SpacePut, etag: str | None = None) -> Call[SpaceView]:
    """Put the next version of the search space in force, provided that the present one has this ETag."""
    return Call("PUT", f"{_study(study)}/space", SpaceView, change, if_match=etag or "*")


def delete_study(study: str, etag: str | None = None) -> Call[Nothing]:
    """Delete a study with all its data, provided that it still has this ETag."""
    return Call("DELETE", _study(study), Nothing, if_match=etag or "*")


def list_workers(cursor: str | None, seen_within_s: float) -> Call[WorkerPage]:
    """A page of workers by name."""
    query = _page(cursor) | {"seen_within_s": seen_within_s}
    return Call("GET", "/v1/workers", WorkerPage, query=query)


def list_events(study: str, cursor: str | None) -> Call[EventPage]:
    """A page of what happened to a study."""
    return Call("GET", f"{_study(study)}/events", EventPage, query=_page(cursor))


def read_plot(study: str, kind: PlotKind, max_points: int) -> Call[Plot]:
    """What a plot is drawn from."""
    return Call("GET", f"{_study(study)}/plots/{kind}", Plot, query={"max_points": max_points})


def read_limits() -> Call[Limits]:
    """How much of everything the server takes."""
    return Call("GET", "/v1/limits", Limits)


def suggest(study: str, request: SuggestRequest) -> Call[SuggestResponse]:
    """Ask for trials."""
    return Call(
        "POST", f"{_study(study)}/trials:suggest", SuggestResponse, request, held_s=request.wait_ms / 1000
    )


def heartbeat(study: str, number: int, token: str) -> Call[HeartbeatResponse]:
    """Renew a lease."""
    body = HeartbeatRequest(lease_token=token)
    return Call("POST", f"{_study(study)}/trials/{number}:heartbeat", HeartbeatResponse, body)


def measure(
    study: str, number: int, token: str, measured: tuple[Measurement, ...]
) -> Call[MeasurementsResponse]:
    """Report intermediate values."""
    body = MeasurementsRequest(lease_token=token, measurements=measured)
    return Call("POST", f"{_study(study)}/trials/{number}/measurements", MeasurementsResponse, body)


def list_measurements(study: str, number: int, cursor: str | None = None) -> Call[MeasurementPage]:
    """A trial's intermediate values by attempt and step."""
    path = f"{_study(study)}/trials/{number}/measurements"
    return Call("GET", path, MeasurementPage, query=_page(cursor))


def unheld(call: Call[SuggestResponse]) -> Call[SuggestResponse]:
    """The same request for trials under the same key, answered at once."""
    if not isinstance(call.body, SuggestRequest):
        raise TypeError("only a request for trials can be held")
    return replace(call, body=call.body.model_copy(update={"wait_ms": 0}), held_s=0.0)


def finish(study: str, number: int, result: FinishRequest) -> Call[FinishResponse]:
    """Report a result."""
    return Call("POST", f"{_study(study)}/trials/{number}:finish", FinishResponse, result)


def release(study: str, number: int, token: str) -> Call[ReleaseResponse]:
    """Give a trial back."""
    body = ReleaseRequest(lease_token=token)
    return Call("POST", f"{_study(study)}/trials/{number}:release", ReleaseResponse, body)


def import_rows(study: str, request: ImportRequest) -> Call[ImportResponse]:
    """Hand in results that were measured elsewhere."""
    return Call("POST", f"{_study(study)}/observations:batch", ImportResponse, request)


def export(study: str, layout: ExportFormat) -> Call[Document]:
    """A study's data as a file."""
    return Call("GET", f"{_study(study)}/export", Document, query={"format": layout})


def import_study(document: bytes, name: str | None = None) -> Call[StudyView]:
    """A study from what was exported as JSON."""
    query: dict[str, str | int] = {} if name is None else {"name": name}
    return Call("POST", "/v1/studies:import", StudyView, raw=document, query=query)


def read_trial(study: str, number: int) -> Call[TrialView]:
    """One trial with its attempts and results."""
    return Call("GET", f"{_study(study)}/trials/{number}", TrialView)


def create_trial(study: str, trial: TrialCreate) -> Call[TrialView]:
    """Queue a point, or record a result."""
    return Call("POST", f"{_study(study)}/trials", TrialView, trial)


def change_trial(study: str, number: int, patch: TrialPatch) -> Call[TrialView]:
    """Note, tag, exclude or correct a trial."""
    return Call("PATCH", f"{_study(study)}/trials/{number}", TrialView, patch)


def list_trials(study: str, cursor: str | None = None, chosen: TrialFilter = EVERY_TRIAL) -> Call[TrialPage]:
    """A page of trials by number."""
    return Call("GET", f"{_study(study)}/trials", TrialPage, query=_page(cursor) | chosen.query())


def list_columns(
    study: str,
    cursor: str | None = None,
    chosen: TrialFilter = EVERY_TRIAL,
    *,
    fields: Sequence[str] = (),
    max_points: int | None = None,
) -> Call[TrialColumns]:
    """A page of trials as columns; with `max_points` all trials in so many entries."""
    query = _page(cursor) | chosen.query() | {"format": "columns"}
    if fields:
        query["fields"] = ",".join(fields)
    if max_points is not None:
        query["max_points"] = max_points
    return Call("GET", f"{_study(study)}/trials", TrialColumns, query=query)


def read_best(study: str) -> Call[BestResponse]:
    """The best completed trial."""
    return Call("GET", f"{_study(study)}/best", BestResponse)


def read_convergence(study: str) -> Call[Convergence]:
    """The incumbent after every completed trial."""
    return Call("GET", f"{_study(study)}/convergence", Convergence)


def begin_audit(study: str, request: AuditRequest) -> Call[AuditReport]:
    """Have a campaign audited."""
    return Call("POST", f"{_study(study)}/audit", AuditReport, request)


def read_audit(study: str, number: int | None = None) -> Call[AuditReport]:
    """A campaign's newest audit, or an earlier one."""
    query: dict[str, str | int] = {} if number is None else {"number": number}
    return Call("GET", f"{_study(study)}/audit", AuditReport, query=query)


def read_model(study: str) -> Call[ModelSummary]:
    """What the model has learnt."""
    return Call("GET", f"{_study(study)}/model", ModelSummary)


def predict(study: str, points: tuple[Params, ...]) -> Call[PredictResponse]:
    """The posterior at given points."""
    return Call("POST", f"{_study(study)}/model:predict", PredictResponse, PredictRequest(points=points))


def explain(study: str, request: ExplainRequest) -> Call[Explanation]:
    """Why a trial, or a point."""
    return Call("POST", f"{_study(study)}/model:explain", Explanation, request)


def read_answer(call: Call[AnswerT], base_url: str, status: int, content: bytes) -> AnswerT:
    """The answer as its model.

    Raises:
        ApiError: the server answered with a problem, or with a bare error status.
        UnreadableAnswer: a success that is not this API's.
    """
    if status >= 400:
        raise problem_of(base_url, status, content)
    if issubclass(call.answer, Document):
        return call.answer(content=content)
    try:
        return call.answer.model_validate_json(content or b"{}")
    except ValidationError as error:
        beginning = content[:80].decode(errors="replace")
        raise UnreadableAnswer(
            f"{base_url}{call.path} answered {status} with something that is not a {call.answer.__name__} "
            f"({error.error_count()} faults; it begins {beginning!r}). "
            "Check that HEADWAY_URL is a headway server, and not older than this client."
        ) from error


def problem_of(base_url: str, status: int, content: bytes) -> ApiError:
    """The error that an answer of 400 or above stands for, with links made absolute."""
    try:
        problem = Problem.model_validate_json(content)
    except ValidationError:
        title = _PHRASES.get(status, "unknown status")
        problem = Problem(
            type="about:blank",
            title=title,
            status=status,
            detail=f"{base_url} answered {status} {title} without saying more: "
            "probably something between this client and the server, such as a proxy.",
            code="",
        )
    if problem.docs:
        problem = problem.model_copy(update={"docs": urljoin(base_url, problem.docs)})
    return error_of(problem)


_PHRASES = {int(status): status.phrase for status in HTTPStatus}


def _study(name: str) -> str:
    return f"/v1/studies/{quote(name, safe='')}"


def _page(cursor: str | None) -> dict[str, str | int]:
    query: dict[str, str | int] = {"limit": PAGE}
    if cursor is not None:
        query["cursor"] = cursor
    return query
