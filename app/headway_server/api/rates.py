"""A key that asks too often is told when to ask again; each kind of request has a rate of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.wire.limits import Bucket
from headway_server.api.problems import problem_response
from headway_server.domain.access import Actor
from headway_server.domain.errors import RateLimited
from headway_server.domain.rates import Rate, RateLimiter, Taken
from headway_server.settings import Settings

BURST_S = 10.0
"""After a pause a key may send at once what its rate gives in so many seconds."""

_SETTINGS: Mapping[Bucket, str] = {
    "suggest": "suggests_per_s",
    "finish": "finishes_per_s",
    "heartbeat": "heartbeats_per_s",
    "measurement": "measurements_per_s",
    "read": "reads_per_s",
    "write": "writes_per_s",
}
_VERBS: Mapping[str, Bucket] = {
    ":suggest": "suggest",
    ":heartbeat": "heartbeat",
    "/measurements": "measurement",
    ":finish": "finish",
    ":release": "finish",
}


def rates_of(settings: Settings) -> dict[Bucket, Rate]:
    """The rates that are set; 0 sets none."""
    per_s: dict[Bucket, float] = {name: getattr(settings, setting) for name, setting in _SETTINGS.items()}
    return {name: Rate(one, max(1, round(one * BURST_S))) for name, one in per_s.items() if one > 0}


class RateLimits:
    """Middleware that refuses what a key sends beyond its rates (429), before the body is read, and tells it
    where it stands: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).

    Whoever needs no key has no rates.
    """

    def __init__(self, app: ASGIApp, rates: Mapping[Bucket, Rate]) -> None:
        self._app = app
        self._rates = rates
        self._limiter = RateLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        actor = scope.get("state", {}).get("actor") if scope["type"] == "http" else None
        if not isinstance(actor, Actor) or not actor.has_key:
            await self._app(scope, receive, send)
            return
        bucket = bucket_of(scope["method"], scope["path"])
        rate = self._rates.get(bucket)
        if rate is None:
            await self._app(scope, receive, send)
            return
        taken = self._limiter.take((actor.name, bucket), rate, time.monotonic())

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = (
                    f'"{bucket}";q={rate.burst};w={math.ceil(rate.burst / rate.per_s)}'
                )
                headers["RateLimit"] = f'"{bucket}";r={taken.left};t={math.ceil(taken.whole_in_s)}'
            await send(message)

        if taken.retry_after_s is None:
            await self._app(scope, receive, sending)
        else:
            refused = _refused(bucket, rate, taken)
            await problem_response(refused, HTTPConnection(scope))(scope, receive, sending)


def bucket_of(method: str, path: str) -> Bucket:
    """The kind of a request."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return "read"
    return next((bucket for verb, bucket in _VERBS.items() if path.endswith(verb)), "write")


def _refused(bucket: Bucket, rate: Rate, taken: Taken) -> RateLimited:
    wait_s = math.ceil(taken.retry_after_s or 0)
    return RateLimited(
        f"This key has sent {rate.burst} requests of the kind {bucket!r} at once, and may send "
        f"{rate.per_s:g} a second. Ask again in {wait_s} s; whoever runs the server sets the rate with "
        f"HEADWAY_{_SETTINGS[bucket].upper()}.",
        retry_after_s=wait_s,
    )
