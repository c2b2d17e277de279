"""A study as a file: exported in four formats, and imported again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from headway.wire.archive import Archive
from headway.wire.study import StudyName as NewName
from headway.wire.study import StudyView
from headway_server.api.access import editor, viewer
from headway_server.api.context import Context
from headway_server.api.once import OnceUnderKey
from headway_server.api.problems import responses
from headway_server.api.studies import StudyName
from headway_server.domain.errors import NotAcceptable
from headway_server.services.archives import import_study
from headway_server.services.exporting import Format, export
from headway_server.services.parquet import require_pyarrow

router = APIRouter(prefix="/v1", tags=["data"])

IMPORT_PATH = "/v1/studies:import"

MEDIA_TYPES: Mapping[str, Format] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/vnd.apache.parquet": "parquet",
}
CHUNK_BYTES = 64 * 1024

IfNoneMatch = Annotated[
    str | None,
    Header(max_length=1000, description="The ETag of what the caller has: 304 where it still holds"),
]


@router.get(
    "/studies/{study}/export",
    dependencies=[viewer],
    response_class=StreamingResponse,
    responses=responses(
        404,
        410,
        406,
        422,
        also={
            200: {"content": {media_type: {} for media_type in MEDIA_TYPES}},
            304: {"description": "The caller has it already"},
        },
    ),
)
def export_study(
    study: StudyName,
    context: Context,
    accept: Annotated[str, Header(max_length=1000)] = "*/*",
    format: Annotated[Format | None, Query(description="In place of Accept")] = None,  # noqa: A002
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The study's data as a file. JSON holds all of it, to be imported again."""
    layout = format or _accepted(accept)
    if layout == "parquet":
        require_pyarrow()
    made = export(context.database, study, layout, if_none_match)
    headers = {"ETag": made.etag, "Vary": "Accept", "Cache-Control": "private, no-cache"}
    if made.file is None:
        return Response(status_code=304, headers=headers)
    media_type = next(one for one, name in MEDIA_TYPES.items() if name == layout)
    headers["Content-Disposition"] = f'attachment; filename="{study}.{layout}"'
    return StreamingResponse(_chunks(made.file), media_type=media_type, headers=headers)


@router.post(
    "/studies:import",
    dependencies=[editor],
    status_code=201,
    responses=responses(
        400, 409, 410, 413, 415, 422, also={200: {"model": StudyView, "description": "It was here already"}}
    ),
)
def import_archive(
    archive: Archive, once: OnceUnderKey, response: Response, name: Annotated[NewName | None, Query()] = None
) -> StudyView:
    """A study from what was exported as JSON, under its own name or another."""
    study, created = once(import_study, archive, name)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/studies/{study.name}"
    return study


def _accepted(accept: str) -> Format:
    """The format that an Accept header prefers.

    Raises:
        NotAcceptable: it names none that there is.
    """
    best: tuple[float, Format] | None = None
    for entry in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        layout = "json" if media_type in ("*/*", "application/*") else MEDIA_TYPES.get(media_type)
        weight = next((_weight(one) for one in parameters if one.startswith("q=")), 1.0)
        if layout is not None and weight > 0 and (best is None or weight > best[0]):
            best = (weight, layout)
    if best is None:
        raise NotAcceptable(f"Accept is {accept[:100]!r}. Accept one of {', '.join(MEDIA_TYPES)}.")
    return best[1]


def _weight(parameter: str) -> float:
    try:
        return float(parameter.removeprefix("q="))
    except ValueError:
        return 0.0


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
