"""What can go wrong, as the caller meets it.

HeadwayError
├── ConnectionFailed              the server could not be reached within the client's patience
├── UnreadableAnswer              something answered, but it does not speak this API
├── LocalServerFailed             the in-process server of `Client.local()` is missing or did not start
├── ObjectiveKeepsFailing         every trial of this worker has failed; it gives up before the budget is gone
└── ApiError                      the server answered with a problem; also problems this client does not know
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
    │   ├── QuotaExceeded         quota-exceeded
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
    ├── StaleEtag                 stale-etag
    ├── PreconditionRequired      precondition-required
    ├── NotAcceptable             not-acceptable
    ├── PayloadTooLarge           payload-too-large
    ├── UnsupportedMediaType      unsupported-media-type
    ├── RateLimited               rate-limited: still so when the client's patience ended
    └── Unavailable               still so when the client's patience ended
        ├── DatabaseUnavailable   database-unavailable
        ├── EngineUnavailable     engine-unavailable
        └── Draining              draining

Two more are the user's to raise or to catch, and no errors:

Infeasible                        raise it where the experiment can't be done at this point
Stop                              raised by `trial.report()` where the server wants the trial given up
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import ValidationError

from headway.wire.problem import FieldError, Problem


class HeadwayError(Exception):
    """Anything that this client raises because of the service."""


class ConnectionFailed(HeadwayError):
    """The server could not be reached, however often the call was repeated."""


class UnreadableAnswer(HeadwayError):
    """The answer is not one of this API: usually the URL belongs to another service."""


class LocalServerFailed(HeadwayError):
    """The server that `Client.local()` runs in this process is not installed, or did not start."""


class ObjectiveKeepsFailing(HeadwayError):
    """The first trials of a worker all failed. The last one's exception is the cause."""


class ApiError(HeadwayError):
    """The server answered with a problem. `problem` holds all of it, `str()` what a person needs."""

    slug: ClassVar[str | None] = None

    def __init__(self, problem: Problem) -> None:
        super().__init__(_message(problem))
        self.problem = problem

    def __reduce__(self) -> tuple[type[ApiError], tuple[Problem]]:
        """Pickles with its problem, so that process pools can pass it on."""
        return type(self), (self.problem,)

    @property
    def server_is_away(self) -> bool:
        """Whether the fault is the server's, or that of the way to it: the same call will work later."""
        return self.problem.status >= 500 or self.problem.status == 429


class InvalidRequest(ApiError):
    """The request parses, but what it says can't be done. Nothing was changed."""


class ValidationFailed(InvalidRequest):
    """A field has the wrong type, is missing or is unknown."""

    slug = "validation"

    @classmethod
    def before_sending(cls, what: str, error: ValidationError) -> ValidationFailed:
        """The same error where the client sees it before the server does."""
        return cls(
            Problem(
                type="/problems#validation",
                title="A field is not valid",
                status=422,
                detail=f"{what} is not valid; nothing was sent.",
                code="validation",
                errors=tuple(
                    FieldError(
                        pointer="/" + "/".join(map(str, fault["loc"])),
                        message=f"{fault['input']!r} is not valid.",
                        hint=f"{fault['msg']}.",
                    )
                    for fault in error.errors()
                ),
            )
        )


class InvalidSpace(InvalidRequest):
    """A search space that can't be searched."""

    slug = "invalid-space"


class UnknownParameter(InvalidRequest):
    """A value for a parameter that the space does not have."""

    slug = "unknown-parameter"


class MissingParameter(InvalidRequest):
    """A point that lacks a parameter of the space."""

    slug = "missing-parameter"


class InactiveParameter(InvalidRequest):
    """A value for a parameter that is inactive at this point: its condition does not hold."""

    slug = "inactive-parameter"


class OutOfBounds(InvalidRequest):
    """A value that the parameter can't take."""

    slug = "out-of-bounds"


class ConstraintViolated(InvalidRequest):
    """A point that breaks a constraint of the space."""

    slug = "constraint-violated"


class ConstraintsInfeasible(InvalidRequest):
    """Constraints that no point satisfies."""

    slug = "constraints-infeasible"


class NotFinite(InvalidRequest):
    """NaN or an infinity where a measured number belongs."""

    slug = "not-finite"


class QuotaExceeded(InvalidRequest):
    """More than the server keeps of one thing."""

    slug = "quota-exceeded"


class UnknownStrategy(InvalidRequest):
    """A strategy that the engine does not have."""

    slug = "unknown-strategy"


class UnsupportedObjectives(InvalidRequest):
    """A set of objectives that the engine can't optimise."""

    slug = "unsupported-objectives"


class InvalidOutcomeConstraint(InvalidRequest):
    """An outcome constraint that is not one metric, one relation and one number, or that no value keeps."""

    slug = "invalid-outcome-constraint"


class InvalidFidelity(InvalidRequest):
    """A fidelity that is no number of the space, or whose target or cost makes no sense."""

    slug = "invalid-fidelity"


class InvalidCursor(InvalidRequest):
    """A cursor that this server did not give out."""

    slug = "invalid-cursor"


class InvalidArchive(InvalidRequest):
    """An exported study that contradicts itself: it was changed, or cut."""

    slug = "invalid-archive"


class IdempotencyKeyReused(InvalidRequest):
    """The same key came with another body."""

    slug = "idempotency-key-reused"


class MalformedRequest(ApiError):
    """The body is not JSON, or a header is not what its standard says."""

    slug = "malformed-request"


class Unauthenticated(ApiError):
    """The request has no key, or one that is malformed, unknown, expired or revoked."""

    slug = "unauthenticated"


class Forbidden(ApiError):
    """The key is valid, but may not do this. Nothing was changed."""


class RoleTooLow(Forbidden):
    """The key's role does not reach that far; the message names the role that it takes."""

    slug = "role-too-low"


class OutOfScope(Forbidden):
    """The key is for one study, or one project, and the request concerns more."""

    slug = "out-of-scope"


class CrossSiteRequest(Forbidden):
    """A web page of another site sent it, or a form without the token that the server put into it."""

    slug = "cross-site-request"


class NotFound(ApiError):
    """No such study, trial, project, key or page, or none that this key may know of."""

    slug = "not-found"


class StudyDeleted(ApiError):
    """The study was deleted within the last 30 days. Results for it are kept beside the spool."""

    slug = "study-deleted"


class MethodNotAllowed(ApiError):
    """The path exists; the method does not."""

    slug = "method-not-allowed"


class Conflict(ApiError):
    """The request is fine, but the present state does not allow it."""


class DefinitionConflict(Conflict):
    """The name is taken by a study with another definition."""

    slug = "definition-conflict"


class ProjectConflict(Conflict):
    """The project's name is taken, or the project still has studies."""

    slug = "project-conflict"


class LeaseSuperseded(Conflict):
    """The lease has passed to another worker, or its trial is finished."""

    slug = "lease-superseded"


class UnknownLease(Conflict):
    """The trial never had a lease with this token."""

    slug = "unknown-lease"


class IllegalTransition(Conflict):
    """The trial's state does not allow this."""

    slug = "illegal-transition"


class IdempotencyInProgress(Conflict):
    """The same request is under way under the same key, and still was when the client's patience ended."""

    slug = "idempotency-in-progress"


class StaleEtag(ApiError):
    """What is to be changed has changed since it was read. Read it again."""

    slug = "stale-etag"


class PreconditionRequired(ApiError):
    """The request changes something that others may be changing, and does not say what it has seen."""

    slug = "precondition-required"


class RowConflict(Conflict):
    """A row was imported before under the same `client_id`, with another content."""

    slug = "row-conflict"


class NotAcceptable(ApiError):
    """None of the media types that the request accepts can be made."""

    slug = "not-acceptable"


class PayloadTooLarge(ApiError):
    """The body is over the limit."""

    slug = "payload-too-large"


class UnsupportedMediaType(ApiError):
    """The body is not application/json."""

    slug = "unsupported-media-type"


class RateLimited(ApiError):
    """The key sends more requests of this kind than it may. The client has waited and repeated, in vain."""

    slug = "rate-limited"


class Unavailable(ApiError):
    """Nothing is wrong with the request; the same call will work later."""


class DatabaseUnavailable(Unavailable):
    """The database is away or too busy."""

    slug = "database-unavailable"


class EngineUnavailable(Unavailable):
    """The model could not be asked in time."""

    slug = "engine-unavailable"


class Draining(Unavailable):
    """The server is about to stop and hands out nothing more. Another one, or the next, will."""

    slug = "draining"


class Infeasible(Exception):
    """Raise it in an objective where the experiment can't be done at this point; the message says why."""


class Stop(Exception):
    """The server wants this trial given up. Let it pass through the trial's `with` block."""


def error_of(problem: Problem) -> ApiError:
    """The exception named after the problem's slug; ApiError itself for a slug that is not known here."""
    return BY_SLUG.get(problem.code, ApiError)(problem)


def _named_after_slugs(branch: type[ApiError]) -> Iterator[tuple[str, type[ApiError]]]:
    for error in branch.__subclasses__():
        if error.slug is not None:
            yield error.slug, error
        yield from _named_after_slugs(error)


BY_SLUG = dict(_named_after_slugs(ApiError))
"""Slug of a problem → its exception."""


def _message(problem: Problem) -> str:
    lines = [problem.detail]
    lines += [
        f"  {field.pointer}: {field.message} {field.hint}"
        for field in problem.errors
        if len(problem.errors) > 1 or field.message not in problem.detail
    ]
    if problem.trace_id:
        lines.append(f"  trace id {problem.trace_id}")
    if problem.docs:
        lines.append(f"  see {problem.docs}")
    return "\n".join(lines)
