"""Idempotency-Key: a request that is sent again is answered as it was the first time, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from fastapi import Depends, Header, Request, Response

from headway_server.api.context import Context
from headway_server.services.idempotency import Once
from headway_server.storage.database import Database

P = ParamSpec("P")
T = TypeVar("T")

IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=128, description="Repeats of a request carry the same key")
]
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True)
class Keyed:
    """Runs a use case for a request: once under its key, where it has one."""

    database: Database
    response: Response
    scope: str
    key: str | None

    def __call__(
        self, command: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What the use case answers now, or did under this key."""
        return self._run(None, command, *args, **kwargs)

    def without(
        self,
        secret: str,
        command: Callable[Concatenate[Database, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The same, where a field of the answer is never kept."""
        return self._run(secret, command, *args, **kwargs)

    def _run(
        self,
        secret: str | None,
        command: Callable[Concatenate[Database, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self.key is None:
            return command(self.database, *args, **kwargs)
        answer, repeated = Once(self.scope, self.key, secret)(self.database, command, *args, **kwargs)
        if repeated:
            self.response.headers[REPLAYED] = "true"
        return answer


async def keyed(
    request: Request, context: Context, response: Response, idempotency_key: IdempotencyKey = None
) -> Keyed:
    """The request's key."""
    scope = f"{request.method} {request.url.path}"
    return Keyed(context.database, response, scope, idempotency_key)


OnceUnderKey = Annotated[Keyed, Depends(keyed)]
