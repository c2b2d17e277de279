"""Every error that a caller can meet.

HeadwayError
├── InvalidRequest            the request's meaning is wrong; nothing was changed
│   ├── ValidationFailed      validation
│   ├── InvalidSpace          invalid-space
│   ├── UnknownParameter      unknown-parameter
│   ├── MissingParameter      missing-parameter
│   ├── InactiveParameter     inactive-parameter
│   ├── OutOfBounds           out-of-bounds
│   ├── ConstraintViolated    constraint-violated
│   ├── ConstraintsInfeasible constraints-infeasible
│   ├── NotFinite             not-finite
│   ├── UnknownStrategy       unknown-strategy
│   ├── UnsupportedObjectives unsupported-objectives
│   ├── InvalidOutcomeConstraint  invalid-outcome-constraint
│   ├── InvalidFidelity       invalid-fidelity
│   ├── InvalidCursor         invalid-cursor
│   ├── InvalidArchive        invalid-archive
│   └── IdempotencyKeyReused  idempotency-key-reused
├── MalformedRequest          malformed-request
├── Unauthenticated           unauthenticated
├── Forbidden                 the key is known, but does not reach that far
│   ├── RoleTooLow            role-too-low
│   ├── OutOfScope            out-of-scope
│   └── CrossSiteRequest      cross-site-request
├── NotFound                  not-found
├── StudyDeleted              study-deleted
├── MethodNotAllowed          method-not-allowed
├── Conflict                  the request is fine, the state is not
│   ├── DefinitionConflict    definition-conflict
│   ├── ProjectConflict       project-conflict
│   ├── LeaseSuperseded       lease-superseded
│   ├── UnknownLease          unknown-lease
│   ├── IllegalTransition     illegal-transition
│   ├── IdempotencyInProgress idempotency-in-progress
│   └── RowConflict           row-conflict (a `client_id` that is another's)
├── NotAcceptable             not-acceptable
├── PayloadTooLarge           payload-too-large
├── UnsupportedMediaType      unsupported-media-type
├── RateLimited               rate-limited
├── Unavailable               try again later
│   ├── DatabaseUnavailable   database-unavailable
│   ├── EngineUnavailable     engine-unavailable
│   └── Draining              draining
├── SchemaMismatch            schema-mismatch (at start-up, never over HTTP)
├── DeviceUnavailable         device-unavailable (at start-up, never over HTTP)
├── NoKey                     no-key (at start-up, never over HTTP)
├── InvalidBackup             invalid-backup (at `headway restore`, never over HTTP)
└── DatabaseNotEmpty          database-not-empty (at `headway restore`, never over HTTP)

Everything else is a bug: it answers 500 with a trace id.
"""

from __future__ import annotations

from typing import ClassVar, Self

from headway.wire.problem import FieldError


class HeadwayError(Exception):
    """An error with a slug, a sentence that holds the offending value, and a remedy per field."""

    slug: ClassVar[str]
    title: ClassVar[str]
    retryable: ClassVar[bool] = False
    action: ClassVar[str | None] = None
    """What a worker should do about its trial, where the error concerns one."""
    retry_after_s: int = 1
    """When to try again, seconds, where that may help."""

    def __init__(self, detail: str, *fields: FieldError) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields

    @classmethod
    def at(cls, pointer: str, message: str, hint: str) -> Self:
        """The common case: one field is wrong."""
        return cls(f"{message} {hint}", FieldError(pointer=pointer, message=message, hint=hint))

    @classmethod
    def over(cls, fields: list[FieldError]) -> Self:
        """Several fields are wrong; the first speaks for all."""
        rest = f" ({len(fields) - 1} more below.)" if len(fields) > 1 else ""
        return cls(f"{fields[0].message} {fields[0].hint}{rest}", *fields)


class InvalidRequest(HeadwayError):
    """The request parses, but what it says can't be done. Nothing was changed."""


class ValidationFailed(InvalidRequest):
    """A field has the wrong type, is missing or is unknown."""

    slug = "validation"
    title = "A field is not valid"


class InvalidSpace(InvalidRequest):
    """A search space that can't be searched."""

    slug = "invalid-space"
    title = "The search space is not valid"


class UnknownParameter(InvalidRequest):
    """A value for a parameter that the space does not have."""

    slug = "unknown-parameter"
    title = "The search space has no such parameter"


class MissingParameter(InvalidRequest):
    """A point that lacks a parameter of the space."""

    slug = "missing-parameter"
    title = "A parameter is missing"


class InactiveParameter(InvalidRequest):
    """A value for a parameter that is inactive at this point: its condition does not hold."""

    slug = "inactive-parameter"
    title = "The parameter is inactive at this point"


class OutOfBounds(InvalidRequest):
    """A value that the parameter can't take."""

    slug = "out-of-bounds"
    title = "A value lies outside its parameter's range"


class ConstraintViolated(InvalidRequest):
    """A point that breaks a constraint of the space."""

    slug = "constraint-violated"
    title = "The point breaks a constraint"


class ConstraintsInfeasible(InvalidRequest):
    """Constraints that no point satisfies, alone or with the values that a request fixes."""

    slug = "constraints-infeasible"
    title = "No point satisfies the constraints"


class NotFinite(InvalidRequest):
    """NaN or an infinity where a measured number belongs."""

    slug = "not-finite"
    title = "A number is not finite"


class QuotaExceeded(InvalidRequest):
    """More than the server keeps of one thing."""

    slug = "quota-exceeded"
    title = "That is more than is kept"


class UnknownStrategy(InvalidRequest):
    """A strategy that the engine does not have."""

    slug = "unknown-strategy"
    title = "There is no such strategy"


class UnsupportedObjectives(InvalidRequest):
    """A set of objectives that the engine can't optimise."""

    slug = "unsupported-objectives"
    title = "These objectives are not supported"


class InvalidOutcomeConstraint(InvalidRequest):
    """An outcome constraint that is not one metric, one relation and one number, or that no value keeps."""

    slug = "invalid-outcome-constraint"
    title = "The outcome constraint is not valid"


class InvalidFidelity(InvalidRequest):
    """A fidelity that is no number of the space, or whose target or cost makes no sense."""

    slug = "invalid-fidelity"
    title = "The fidelity is not valid"


class InvalidCursor(InvalidRequest):
    """A cursor that this server did not give out."""

    slug = "invalid-cursor"
    title = "The cursor is not valid"

    @classmethod
    def given(cls, cursor: str) -> Self:
        """This cursor."""
        return cls.at(
            "/cursor", f"{cursor[:48]!r} is not a cursor.", "Use the `next_cursor` of the page before."
        )


class InvalidArchive(InvalidRequest):
    """An exported study that contradicts itself: it was changed, or cut."""

    slug = "invalid-archive"
    title = "The archive is not valid"


class IdempotencyKeyReused(InvalidRequest):
    """The same key came with another body."""

    slug = "idempotency-key-reused"
    title = "The idempotency key was used for another request"


class MalformedRequest(HeadwayError):
    """The body is not JSON, or a header is not what its standard says."""

    slug = "malformed-request"
    title = "The request could not be read"


class Unauthenticated(HeadwayError):
    """The request has no key, or one that is malformed, unknown, expired or revoked."""

    slug = "unauthenticated"
    title = "A valid key is needed"


class Forbidden(HeadwayError):
    """The key is valid, but may not do this. Nothing was changed."""


class RoleTooLow(Forbidden):
    """The key's role does not reach that far; the answer names the role that it takes."""

    slug = "role-too-low"
    title = "The key's role is too low"


class OutOfScope(Forbidden):
    """The key is for one study, or one project, and the request concerns more."""

    slug = "out-of-scope"
    title = "The key does not reach that far"


class CrossSiteRequest(Forbidden):
    """A web page of another site sent it, or a form without the token that this server put into it."""

    slug = "cross-site-request"
    title = "The request came from another site"


class NotFound(HeadwayError):
    """No such study, trial, project, key or page, or none that this key may know of."""

    slug = "not-found"
    title = "Not found"


class StudyDeleted(HeadwayError):
    """The study has been deleted. For 30 days it says so, and its name stays taken; then both are forgotten.
    A result for it is not taken: whoever has one keeps it, and may import it into another study.
    """

    slug = "study-deleted"
    title = "The study was deleted"
    action = "stop"


class MethodNotAllowed(HeadwayError):
    """The path exists; the method does not."""

    slug = "method-not-allowed"
    title = "This path does not take that method"


class Conflict(HeadwayError):
    """The request is fine, but the present state does not allow it."""


class DefinitionConflict(Conflict):
    """The name is taken by a study with another definition."""

    slug = "definition-conflict"
    title = "A study of this name has another definition"


class ProjectConflict(Conflict):
    """The project's name is taken, or the project still has studies."""

    slug = "project-conflict"
    title = "The project's state does not allow this"


class LeaseSuperseded(Conflict):
    """The lease has passed to another worker, or its trial is finished. The worker should stop."""

    slug = "lease-superseded"
    title = "The lease was superseded"
    action = "stop"


class UnknownLease(Conflict):
    """The trial never had a lease with this token."""

    slug = "unknown-lease"
    title = "The trial has no lease with this token"
    action = "stop"


class IllegalTransition(Conflict):
    """The trial's state does not allow this."""

    slug = "illegal-transition"
    title = "The trial's state does not allow this"


class IdempotencyInProgress(Conflict):
    """The same request is under way under the same idempotency key. Its answer can be had in a moment."""

    slug = "idempotency-in-progress"
    title = "The same request is under way"
    retryable = True


class StaleEtag(HeadwayError):
    """What is to be changed has changed since it was read. Nothing was changed."""

    slug = "stale-etag"
    title = "It has changed since it was read"


class PreconditionRequired(HeadwayError):
    """The request changes something that others may be changing, and does not say what it has seen."""

    slug = "precondition-required"
    title = "The header If-Match is missing"


class RowConflict(Conflict):
    """A row or a trial was handed in before under the same `client_id`, with another content."""

    slug = "row-conflict"
    title = "The row was imported before with another content"


class NotAcceptable(HeadwayError):
    """None of the media types that the request accepts can be made."""

    slug = "not-acceptable"
    title = "No acceptable format"


class PayloadTooLarge(HeadwayError):
    """The body is over the limit."""

    slug = "payload-too-large"
    title = "The request body is too large"


class UnsupportedMediaType(HeadwayError):
    """The body is not application/json."""

    slug = "unsupported-media-type"
    title = "The media type is not supported"


class RateLimited(HeadwayError):
    """The key has sent more requests of this kind than it may. Other kinds are not concerned: results and
    heartbeats have rates of their own. `/v1/limits` names them all.
    """

    slug = "rate-limited"
    title = "Too many requests"
    retryable = True

    def __init__(self, detail: str, *fields: FieldError, retry_after_s: int = 1) -> None:
        super().__init__(detail, *fields)
        self.retry_after_s = retry_after_s


class Unavailable(HeadwayError):
    """Nothing is wrong with the request; the same call will work later."""

    retryable = True


class DatabaseUnavailable(Unavailable):
    """The database is away or too busy."""

    slug = "database-unavailable"
    title = "The database is not available"


class EngineUnavailable(Unavailable):
    """The model could not be asked in time."""

    slug = "engine-unavailable"
    title = "The engine is not available"


class Draining(Unavailable):
    """This server is about to stop and hands out nothing more. Another one, or the next, will."""

    slug = "draining"
    title = "The server is shutting down"


class SchemaMismatch(HeadwayError):
    """The database's schema is not the one that this server knows."""

    slug = "schema-mismatch"
    title = "The database has another schema"


class DeviceUnavailable(HeadwayError):
    """The engine is set to compute on a CUDA device, and none can be used."""

    slug = "device-unavailable"
    title = "The device is not available"


class NoKey(HeadwayError):
    """The server is to listen beyond this machine, and nobody has made a key."""

    slug = "no-key"
    title = "There is no key yet"


class InvalidBackup(HeadwayError):
    """A file that is no backup, or a damaged one. Nothing was restored."""

    slug = "invalid-backup"
    title = "The backup can't be read"


class DatabaseNotEmpty(HeadwayError):
    """A backup is to be restored into a database that holds something. Nothing was changed."""

    slug = "database-not-empty"
    title = "The database is not empty"
