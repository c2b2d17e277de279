"""If-Match: a change is made by somebody who has seen what is there."""

from __future__ import annotations

from headway_server.domain.errors import PreconditionRequired, StaleEtag


def require_if_match(name: str, if_match: str | None) -> str:
    """The header If-Match of a request that changes the study: the ETag that the caller has seen, several,
    or `*` for any.

    Raises:
        PreconditionRequired: there is none.
    """
    if if_match is None:
        raise PreconditionRequired(
            f"A change to the study {name!r} needs the header If-Match, with the ETag that GET "
            f"/v1/studies/{name} answers, or * to change it whatever it is."
        )
    return if_match


def require_match(name: str, if_match: str, etag: str) -> None:
    """Refuse a change to something else than what the caller has seen.

    Raises:
        StaleEtag: the study has changed since it was read.
    """
    # Strong comparison (RFC 9110, section 13.1.1): a weak tag, W/"…", never matches.
    tags = [tag.strip() for tag in if_match.split(",")]
    if "*" not in tags and etag not in tags:
        raise StaleEtag(
            f"The study {name!r} has the ETag {etag}, and If-Match says {if_match[:80]}. Somebody has "
            "changed it since: read it again, and send what should change with its new ETag."
        )
