"""If-Match: who changes what others may be changing says what it has seen."""

from __future__ import annotations

from headway_server.domain.errors import PreconditionRequired, StaleEtag


def require_if_match(if_match: str | None, what: str, where: str) -> str:
    """The header's value.

    Raises:
        PreconditionRequired: there is none.
    """
    if if_match is None:
        raise PreconditionRequired(
            f"A change to {what} needs the header If-Match, with the ETag that GET {where} answers, or * to "
            "change it whatever it is."
        )
    return if_match


def require_match(if_match: str, etag: str, what: str) -> None:
    """Refuse a change to something that has changed since it was read.

    Raises:
        StaleEtag.
    """
    # Strong comparison (RFC 9110, section 13.1.1): a weak tag, W/"…", never matches.
    tags = [tag.strip() for tag in if_match.split(",")]
    if "*" not in tags and etag not in tags:
        raise StaleEtag(
            f"{what[0].upper()}{what[1:]} has the ETag {etag}, and If-Match says {if_match[:80]}. "
            "Somebody has changed it since: read it again, and send what should change with its new ETag."
        )
