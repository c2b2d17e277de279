"""Rendering a page: its frame knows who looks at it, and in which project."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates

from headway_server.api.context import base_context
from headway_server.api.identity import COOKIE, form_token
from headway_server.domain.access import OPEN, Actor

HERE = Path(__file__).parent
templates = Jinja2Templates(directory=HERE / "templates")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the pages: nothing inline, nothing from elsewhere, in nobody's frame."""


def render(
    request: Request, template: str, context: dict[str, object] | None = None, status: int = 200
) -> Response:
    """A page. What a user typed is text in it: Jinja escapes."""
    actor = getattr(request.state, "actor", None)
    cookie = request.cookies.get(COOKIE)
    project = request.query_params.get("project")
    frame = {
        "open": actor is not None and actor.name == OPEN.name,
        "exposed": base_context(request).access == "until-keys",
        "signed_in": isinstance(actor, Actor) and actor.has_key and cookie is not None,
        "role": actor.role if isinstance(actor, Actor) else None,
        "form_token": form_token(cookie) if cookie else None,
        "project": project,
        # Every link carries on to the same project.
        "here": f"?project={quote(project, safe='')}" if project else "",
        "and_here": f"&project={quote(project, safe='')}" if project else "",
    }
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return templates.TemplateResponse(
        request, template, frame | (context or {}), status_code=status, headers=headers
    )
