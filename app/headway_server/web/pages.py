"""The pages of the dashboard: the studies, one study, and the catalogue of problems."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from headway.wire.study import Convergence, ConvergencePoint
from headway_server.api.access import public
from headway_server.api.context import Context
from headway_server.api.studies import StudyName
from headway_server.domain import errors
from headway_server.services import campaign_audit, studies, trials
from headway_server.services.at_work import at_work
from headway_server.services.convergence import convergence
from headway_server.services.history import last_seq
from headway_server.services.plots import front_of
from headway_server.web import interface, session
from headway_server.web.front_plot import front_plot
from headway_server.web.incumbent_plot import incumbent_plot
from headway_server.web.render import HERE, render
from headway_server.web.session import signed_in

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

PAGE = 50
"""Studies, and trials, on one page."""


def install(app: FastAPI) -> None:
    """Add the pages and their assets to the application."""
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(router)
    app.include_router(interface.router)
    session.install(app)


@router.get("/", dependencies=[signed_in])
def studies_page(
    request: Request, context: Context, after: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """All studies."""
    page = studies.page(context.database, after, PAGE)
    return render(request, "studies.html", {"page": page})


@router.get("/studies/{study}", dependencies=[signed_in])
def study_page(request: Request, study: StudyName, context: Context) -> Response:
    """One study: the incumbent, the workers, the latest trials."""
    seq = last_seq(context.database, study)  # before the rest: what comes later is announced by an event
    view = studies.read(context.database, study)
    created = sum(view.trials.model_dump().values())
    latest = trials.page(context.database, study, str(max(0, created - PAGE)), PAGE)
    progress = convergence(context.database, study)
    return render(
        request,
        "study.html",
        {
            "study": view,
            "seq": seq,
            "trials": latest.trials[::-1],
            "workers": at_work(context.database, study),
            "plot": incumbent_plot(progress) if len(progress.objectives) == 1 else None,
            "front": front_of(progress) if len(progress.objectives) > 1 else None,
            "front_plot": front_plot(progress),
            "hypervolume": progress.points[-1].hypervolume if progress.points else None,
            "objective": progress.objective,
            "further": [objective.name for objective in progress.objectives[1:]],
            "best": _incumbent(progress),
            "audit": campaign_audit.newest(context.database, study),
            "parameters": [parameter.name for parameter in view.definition.space.scalars],
        },
    )


@router.get("/problems", dependencies=[public])
def problems_page(request: Request) -> Response:
    """What every problem means: one section a slug."""
    return render(request, "problems.html", {"problems": sorted(_problems(), key=lambda kind: kind.slug)})


@router.get("/favicon.ico", dependencies=[public])
def favicon() -> Response:
    """The icon."""
    return RedirectResponse("/static/icon.svg", status_code=308)


def _incumbent(progress: Convergence) -> ConvergencePoint | None:
    """The result that is the best so far."""
    best = progress.points[-1].best if progress.points else None
    return next((point for point in progress.points if point.counts and point.value == best), None)


def _problems() -> Iterator[type[errors.HeadwayError]]:
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.HeadwayError) and hasattr(kind, "slug"):
            yield kind
