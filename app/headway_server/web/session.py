"""Signing in to the pages with a key, and out again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from headway_server.api.access import Least, ProjectQuery, public
from headway_server.api.context import base_context
from headway_server.api.identity import COOKIE, form_token, require_form_token
from headway_server.domain.errors import Unauthenticated
from headway_server.domain.keys import Token
from headway_server.services.keyring import SESSION
from headway_server.web.render import render

router = APIRouter(include_in_schema=False)

FORM_COOKIE = "headway_form"
"""What the sign-in form's token is made from, before there is a session."""


class SignInNeeded(Exception):
    """A page was asked for by nobody, or by somebody whose session is over."""


@dataclass(frozen=True)
class SignedIn(Least):
    """As `Least`; whoever is not let in is shown where to sign in instead of a problem."""

    async def __call__(self, connection: HTTPConnection, project: ProjectQuery = None) -> None:
        """Check the browser's actor.

        Raises:
            SignInNeeded: there is none.
            what `Least` raises otherwise.
        """
        try:
            await super().__call__(connection, project)
        except Unauthenticated as error:
            raise SignInNeeded from error


signed_in = Depends(SignedIn("viewer"))


def install(app: FastAPI) -> None:
    """Add the sign-in page to the application, and the way to it."""
    app.include_router(router)

    @app.exception_handler(SignInNeeded)
    def _to_sign_in(request: Request, _: SignInNeeded) -> Response:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(asked, safe='')}", status_code=303)


@router.get("/login", dependencies=[public])
def login_page(request: Request) -> Response:
    """The form that takes a key."""
    return _form(request, request.query_params.get("next", "/"))


@router.post("/login", dependencies=[public])
async def login(request: Request) -> Response:
    """Take a key, and give a cookie that stands for it."""
    form = await _fields(request)
    wanted = form.get("next", "/")
    require_form_token(request.cookies.get(FORM_COOKIE), form.get("form_token"))
    token = Token.parse(form.get("key", "").strip())
    if token is None:
        return _form(request, wanted, "That is not of the form hw_<id>_<secret>.")
    try:
        cookie = await run_in_threadpool(base_context(request).keyring.sign_in, token)
    except Unauthenticated as error:
        return _form(request, wanted, error.detail)
    answer = RedirectResponse(_own_page(wanted), status_code=303)
    _keep(request, answer, COOKIE, cookie, seconds=int(SESSION.total_seconds()))
    answer.delete_cookie(FORM_COOKIE)
    return answer


@router.post("/logout", dependencies=[public])
async def logout(request: Request) -> Response:
    """End the session."""
    cookie = request.cookies.get(COOKIE)
    require_form_token(cookie, (await _fields(request)).get("form_token"))
    await run_in_threadpool(base_context(request).keyring.sign_out, cookie or "")
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


def _form(request: Request, wanted: str, fault: str | None = None) -> Response:
    cookie = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
    page = render(
        request,
        "login.html",
        {"form_token": form_token(cookie), "next": _own_page(wanted), "fault": fault},
        status=200 if fault is None else 401,
    )
    _keep(request, page, FORM_COOKIE, cookie)
    return page


def _keep(request: Request, answer: Response, name: str, value: str, seconds: int | None = None) -> None:
    """A cookie that no script reads and no other site sends along with a form."""
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)


async def _fields(request: Request) -> dict[str, str]:
    """The fields of an HTML form, the first of each name."""
    body = (await request.body()).decode(errors="replace")
    return {name: values[0] for name, values in parse_qs(body, max_num_fields=10).items()}


def _own_page(path: str) -> str:
    """The path, if it is one of this server: two slashes, of either kind, begin another host's."""
    own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if own else "/"
