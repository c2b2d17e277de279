"""Answering a repeated request with what was answered the first time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel

from headway_server.domain.errors import IdempotencyKeyReused
from headway_server.storage.database import UnitOfWork
from headway_server.storage.tables import KeptResponse

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
    """Note under a key which trials its request took, before it is answered; old keys are let go of."""
    uow.kept_responses.forget_expired(uow.now)
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
