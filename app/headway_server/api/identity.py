"""Who sends a request: by a key, by a browser's session, or anybody where no key is asked for."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from headway_server.api.context import AppContext, base_context
from headway_server.api.problems import problem_response
from headway_server.domain.access import OPEN, Actor
from headway_server.domain.errors import CrossSiteRequest, HeadwayError, Unauthenticated
from headway_server.domain.keys import Token

COOKIE = "headway_session"
FORM_TOKEN = "X-CSRF-Token"  # noqa: S105 (a header's name)
SAFE = ("GET", "HEAD", "OPTIONS")

NO_KEY = (
    "This takes a key. Send it as `Authorization: Bearer hw_…` (HEADWAY_API_KEY for the client); "
    "whoever runs the server makes one with `headway keys create`."
)


class Authentication:
    """Middleware that refuses the API to a request without a valid key, before its body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"] == "/v1" or scope["path"].startswith("/v1/")):
            connection = HTTPConnection(scope)
            try:
                if await identify(connection) is None:
                    raise Unauthenticated(NO_KEY)
            except HeadwayError as refused:
                await problem_response(refused, connection)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def identify(connection: HTTPConnection) -> Actor | None:
    """The actor of a request; None where it brings no key and one is needed. Found out once a request.

    Raises:
        Unauthenticated: the key, or the session, lets nobody in.
        CrossSiteRequest: a page of another site sent it from a browser that would be let in.
        DatabaseUnavailable: the key had to be looked up and could not be.
    """
    state = connection.scope.setdefault("state", {})
    if "actor" not in state:
        actor = await _identify(connection, base_context(connection))
        if actor is not None:
            actor = replace(actor, request_id=state.get("request_id"))
        state["actor"] = actor
    found = state["actor"]
    return found if isinstance(found, Actor) else None


async def is_open(context: AppContext) -> bool:
    """Whether no key is asked for."""
    if context.access == "until-keys":
        keyring = context.keyring
        any_key = (
            keyring.any_key() if keyring.any_key_is_remembered else await run_in_threadpool(keyring.any_key)
        )
        return not any_key
    return context.access == "open"


async def session_actor(connection: HTTPConnection, cookie: str) -> Actor:
    """Whom a browser's cookie lets in.

    Raises:
        Unauthenticated: nobody.
    """
    keyring = base_context(connection).keyring
    actor = keyring.recall_session(cookie)
    return actor if actor is not None else await run_in_threadpool(keyring.look_up_session, cookie)


def form_token(cookie: str) -> str:
    """What a form has to bring along: only pages of this server know the cookie that it is made from."""
    return hashlib.sha256(f"headway form {cookie}".encode()).hexdigest()


def require_form_token(cookie: str | None, given: str | None) -> None:
    """Refuse a form that no page of this server made for this browser.

    Raises:
        CrossSiteRequest: the token is missing or another's.
    """
    if not (cookie and given and hmac.compare_digest(form_token(cookie).encode(), given.encode())):
        raise CrossSiteRequest(
            "The form does not bring the token that this server put into it. Load the page again, and allow "
            "its cookie."
        )


async def _identify(connection: HTTPConnection, context: AppContext) -> Actor | None:
    if await is_open(context):
        _require_own_page(connection, on_this_machine=context.access == "until-keys")
        return OPEN
    if (authorization := connection.headers.get("authorization")) is not None:
        token = _token(authorization)
        keyring = context.keyring
        known = keyring.recall(token)
        return known if known is not None else await run_in_threadpool(keyring.look, token)
    if (cookie := connection.cookies.get(COOKIE)) is not None:
        actor = await session_actor(connection, cookie)
        if connection.scope["method"] not in SAFE and connection.scope["path"].startswith("/v1"):
            require_form_token(cookie, connection.headers.get(FORM_TOKEN))
        return actor
    return None


def _token(authorization: str) -> Token:
    scheme, _, credentials = authorization.partition(" ")
    token = Token.parse(credentials.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise Unauthenticated(
            f"The Authorization header is no key: it should be `Bearer hw_<id>_<secret>`, and is "
            f"{scheme[:20]!r} with {len(credentials)} characters."
        )
    return token


def _require_own_page(connection: HTTPConnection, *, on_this_machine: bool) -> None:
    """Refuse what a foreign web page makes a browser send to a server that asks for no key: the browser
    stands on this machine, the page does not (CSRF; under a foreign name for this address, DNS rebinding).

    Raises:
        CrossSiteRequest: saying what was seen.
    """
    headers = connection.headers
    host = headers.get("host", "")
    if on_this_machine and not _is_this_machine(host):
        raise CrossSiteRequest(
            "This server asks for no key and answers on this machine only, and the request is for "
            f"{host[:80]!r}. Make a key with `headway keys create --role admin` to let others in."
        )
    if connection.scope["method"] in SAFE:
        return
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != host
    if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise CrossSiteRequest(
            f"A page of {(origin or 'another site')[:80]!r} sent this to a server that asks for no key. "
            "Make a key with `headway keys create --role admin` to let others in."
        )


def _is_this_machine(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname
    return name is not None and is_loopback(name)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and nothing else."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
