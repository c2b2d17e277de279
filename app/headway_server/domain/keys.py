"""Keys and the projects that they belong to.

A token is `hw_<id>_<secret>`. The id may be shown and finds the row; the secret is 256 random bits, of
which the server keeps the SHA-256. A slow hash (scrypt, Argon2) guards words that people choose; nobody
guesses 256 random bits, and every request would pay for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from headway.wire.access import KeyCreate, Role
from headway_server.domain.access import DEFAULT_PROJECT_ID, Actor
from headway_server.domain.errors import ValidationFailed

_TOKEN = re.compile(r"hw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True)
class Token:
    """A key as its owner holds it."""

    id: str
    secret: str

    @classmethod
    def new(cls) -> Token:
        """A token that nobody can guess."""
        return cls(secrets.token_hex(6), secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """The token that this text is; None where it is none."""
        match = _TOKEN.fullmatch(text)
        return None if match is None else cls(*match.groups())

    @property
    def secret_hash(self) -> str:
        """What the server keeps of it."""
        return hash_of(self.secret)

    def __str__(self) -> str:
        return f"hw_{self.id}_{self.secret}"


def hash_of(secret: str) -> str:
    """SHA-256 of 256 random bits, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(eq=False)
class Project:
    """A project's row: the boundary that no key of another project sees across."""

    name: str
    notes: str
    created_at: datetime
    id: int | None = None


@dataclass(eq=False)
class Key:
    """A key's row."""

    id: str
    secret_hash: str
    project_id: int | None
    """None: of the whole installation."""
    study: str | None
    role: Role
    name: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    number: int | None = None
    """In order of creation."""

    @classmethod
    def create(cls, token: Token, asked: KeyCreate, project_id: int | None, by: str, now: datetime) -> Key:
        """A new key.

        Raises:
            ValidationFailed: an admin's key for one study, which could make itself one without that limit.
        """
        if asked.study is not None and asked.role == "admin":
            raise ValidationFailed.at(
                "/study",
                f"A key for the study {asked.study!r} only can't be an admin's: it could make keys without "
                "that limit.",
                "Choose viewer, worker or editor, or leave the study out.",
            )
        return cls(
            id=token.id,
            secret_hash=token.secret_hash,
            project_id=project_id,
            study=asked.study,
            role=asked.role,
            name=asked.name,
            created_at=now,
            created_by=by,
            expires_at=None if asked.expires_in_s is None else now + timedelta(seconds=asked.expires_in_s),
        )

    def opens_for(self, token: Token) -> bool:
        """Whether the secret is this key's; takes as long whatever the secret is."""
        return hmac.compare_digest(self.secret_hash, token.secret_hash)

    def actor(self) -> Actor:
        """Whom it lets in."""
        return Actor(
            self.id,
            self.role,
            DEFAULT_PROJECT_ID if self.project_id is None else self.project_id,
            self.study,
            everywhere=self.project_id is None,
        )
