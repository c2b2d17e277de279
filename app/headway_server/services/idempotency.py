"""Answering a repeated request with what was answered the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from headway_server.domain.errors import IdempotencyInProgress, IdempotencyKeyReused
from headway_server.storage.database import Database
from headway_server.storage.tables import KeptResponse
from headway_server.storage.unit_of_work import UnitOfWork

P = ParamSpec("P")
T = TypeVar("T")
W = TypeVar("W")

KEPT_FOR = timedelta(hours=48)
"""How long an answer is kept at least; an answer with a longer lease, as long as that."""


@dataclass(frozen=True)
class RequestKey:
    """An idempotency key with what it stands for: method and path, and the body."""

    scope: str
    key: str
    body_hash: str

    @classmethod
    def of(cls, scope: str, key: str, body: BaseModel) -> RequestKey:
        """The key of a request with this body."""
        return cls(scope, key, hashlib.sha256(body.model_dump_json().encode()).hexdigest())


@dataclass(frozen=True)
class Once:
    """Runs a command once under an idempotency key, and answers repeats of it from what was kept.

    The answer is kept in the transaction that it tells of: neither is there without the other. A refusal is
    not kept, as it has changed nothing: a repeat is judged anew.
    """

    scope: str
    """Method and path."""
    key: str
    secret: str | None = None
    """A field of the answer that is never kept: repeats are answered without it."""

    def __call__(
        self,
        database: Database,
        command: Callable[Concatenate[Database, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> tuple[T, bool]:
        """What the command answers, and whether it had done so before.

        Args:
            database: in the hands of the actor, to whom alone the key belongs.
            command: a use case that returns what its one write returns; None there means not yet.
            args: what it is asked: the request that the key stands for.
            kwargs: likewise.

        Raises:
            IdempotencyKeyReused: the key came with another request before.
            IdempotencyInProgress: the same request is under way elsewhere.
            what the command raises.
        """
        asked = hashlib.sha256(to_json((args, kwargs))).hexdigest()
        # Of a method what is kept is the function: an object that lives for one request must not be.
        adapter = _answer_of(getattr(command, "__func__", command))

        def wrap(work: Callable[[UnitOfWork], W]) -> Callable[[UnitOfWork], W]:
            def once(uow: UnitOfWork) -> W:
                key = RequestKey(self.scope, self.key, asked)
                kept = _claim(uow, key)
                if kept is not None:
                    raise _Repeated(kept)
                answer = work(uow)
                if answer is not None:
                    content = adapter.dump_json(answer, exclude={self.secret} if self.secret else None)
                    keep_place(uow, key, []).response = content.decode()
                return answer

            return once

        try:
            return command(database.around(wrap), *args, **kwargs), False
        except _Repeated as repeated:
            return adapter.validate_json(repeated.response), True


class _Repeated(Exception):
    """Ends a transaction that has nothing to do."""

    def __init__(self, response: str) -> None:
        super().__init__(response)
        self.response = response


@cache
def _answer_of(command: Callable[..., Any]) -> TypeAdapter[Any]:
    """What a use case says that it returns."""
    return TypeAdapter(get_type_hints(command)["return"])


def _claim(uow: UnitOfWork, key: RequestKey) -> str | None:
    """The answer under a key; or None, and the key is this transaction's."""
    if not uow.kept_responses.claim(key.scope, key.key):
        raise IdempotencyInProgress(
            f"A request with the idempotency key {key.key!r} is under way. Send this one again in a moment: "
            "it will have the same answer."
        )
    kept = find_kept(uow, key)
    return None if kept is None else kept.response


def find_kept(uow: UnitOfWork, key: RequestKey) -> KeptResponse | None:
    """What is kept under a key.

    Raises:
        IdempotencyKeyReused: the key came with another body before.
    """
    kept = uow.kept_responses.find(key.scope, key.key)
    if kept is not None and kept.expires_at < uow.now:
        uow.kept_responses.forget(kept)
        return None
    if kept is not None and kept.body_hash != key.body_hash:
        raise IdempotencyKeyReused(
            f"The idempotency key {key.key!r} was used for another body. Use a new key for a new request."
        )
    return kept


def keep_place(uow: UnitOfWork, key: RequestKey, trial_numbers: list[int]) -> KeptResponse:
    """Note under a key which trials its request took, before it is answered."""
    kept = KeptResponse(
        scope=key.scope,
        key=key.key,
        body_hash=key.body_hash,
        trial_numbers=trial_numbers,
        response=None,
        created_at=uow.now,
        expires_at=uow.now + KEPT_FOR,
    )
    uow.kept_responses.add(kept)
    return kept


def forget_expired(database: Database) -> None:
    """Let go of the keys whose time is over. No request does it by the way: each would pay for it."""
    if database.read(lambda uow: uow.kept_responses.any_expired(uow.now)):
        database.write(lambda uow: uow.kept_responses.forget_expired(uow.now))
