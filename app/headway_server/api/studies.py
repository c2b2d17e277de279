"""Studies over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from headway.wire.explanation import ExplainRequest, Explanation
from headway.wire.model import ModelSummary, PredictRequest, PredictResponse
from headway.wire.study import BestResponse, Convergence, StudyDefinition, StudyPage, StudyPatch, StudyView
from headway_server.api.access import editor, viewer, worker
from headway_server.api.context import Context
from headway_server.api.once import OnceUnderKey
from headway_server.api.problems import responses
from headway_server.services import change_study, convergence, delete_study, model, studies
from headway_server.services.explain import explain

router = APIRouter(prefix="/v1/studies", tags=["studies"])

StudyName = Annotated[str, Path(max_length=64, description="The study's name")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before")]
IfMatch = Annotated[
    str | None, Header(max_length=1000, description="The ETag that the caller has seen, or * for any")
]
MAX_PAGE = 1000
"""The most entries of one page."""

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


@router.post(
    "",
    dependencies=[worker],
    status_code=201,
    responses=responses(
        400, 409, 410, 413, 415, 422, also={200: {"model": StudyView, "description": "It was here already"}}
    ),
)
def create_study(definition: StudyDefinition, once: OnceUnderKey, response: Response) -> StudyView:
    """Create a study, which takes an editor, or get it where the same definition was sent before."""
    study, created = once(studies.create_or_get, definition)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/studies/{study.name}"
    return study


@router.get("", dependencies=[viewer], responses=responses(422))
def list_studies(
    context: Context,
    cursor: Cursor = None,
    limit: Limit = 100,
    audits: Annotated[bool, Query(description="Those that were made for audits, too")] = False,
) -> StudyPage:
    """Studies by name; those that were made for audits only where they are asked for."""
    return studies.page(context.database, cursor, limit, audits=audits)


@router.get("/{study}", dependencies=[viewer], responses=responses(404, 410, 422))
def read_study(study: StudyName, context: Context, response: Response) -> StudyView:
    """One study, with its ETag."""
    view = studies.read(context.database, study)
    response.headers["ETag"] = view.etag
    return view


@router.patch(
    "/{study}", dependencies=[editor], responses=responses(400, 404, 409, 410, 412, 413, 415, 422, 428)
)
def patch_study(  # noqa: PLR0917 (FastAPI passes them by name)
    study: StudyName,
    patch: StudyPatch,
    context: Context,
    once: OnceUnderKey,
    response: Response,
    if_match: IfMatch = None,
) -> StudyView:
    """Pause, resume or close a study, set its budget or its notes. Needs If-Match."""
    view = once(change_study.change, study, patch, if_match)
    response.headers["ETag"] = view.etag
    context.pulse.beat()
    return view


@router.delete(
    "/{study}",
    dependencies=[editor],
    status_code=204,
    responses=responses(404, 410, 412, 422, 428),
)
def remove_study(study: StudyName, context: Context, if_match: IfMatch = None) -> None:
    """Delete a study with all its data. Needs If-Match. Its name is free again after 30 days; until then
    everything that asks for it gets 410, and its workers' heartbeats say stop.
    """
    delete_study.delete(context.database, study, if_match)
    context.pulse.beat()


@router.get("/{study}/best", dependencies=[viewer], responses=responses(404, 410, 422))
def read_best(study: StudyName, context: Context) -> BestResponse:
    """The best completed trial, or the front of several objectives, and the posterior there."""
    return model.best(context.database, context.engine, study)


@router.get("/{study}/convergence", dependencies=[viewer], responses=responses(404, 410, 422))
def read_convergence(study: StudyName, context: Context) -> Convergence:
    """The incumbent's value, or the volume that the front dominates, after every completed trial."""
    return convergence.convergence(context.database, study)


@router.get("/{study}/model", dependencies=[viewer], responses=responses(404, 410, 422))
def read_model(study: StudyName, context: Context) -> ModelSummary:
    """What the model has learnt."""
    return model.summary(context.database, context.engine, study)


@router.post(
    "/{study}/model:predict", dependencies=[viewer], responses=responses(400, 404, 410, 413, 415, 422)
)
def predict(study: StudyName, request: PredictRequest, context: Context) -> PredictResponse:
    """The posterior at given points."""
    return model.predict(context.database, context.engine, study, request)


@router.post(
    "/{study}/model:explain",
    dependencies=[viewer],
    responses=responses(400, 404, 409, 410, 413, 415, 422),
)
def explain_point(study: StudyName, request: ExplainRequest, context: Context) -> Explanation:
    """Why a trial is where it is: its score taken apart, the data that speak for it, and alternatives."""
    return explain(context.database, context.engine, study, request)
