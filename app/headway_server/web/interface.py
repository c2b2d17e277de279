"""The page that describes the HTTP API: the OpenAPI document, readable, and nothing from elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from headway_server.api.access import public
from headway_server.web.render import render

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    summary: str
    description: str
    role: str | None
    parameters: list[dict[str, Any]]
    body: str | None
    """Name of the request's schema."""
    answers: list[tuple[str, str, str | None]]
    """Status, description, and the name of the schema."""


@router.get("/docs/api", dependencies=[public])
def interface_page(request: Request) -> Response:
    """Every operation, and every message."""
    document = request.app.openapi()
    schemas = {
        name: json.dumps(schema, indent=2, ensure_ascii=False)
        for name, schema in sorted(document["components"]["schemas"].items())
    }
    return render(request, "interface.html", {"operations": operations(document), "schemas": schemas})


def operations(document: dict[str, Any]) -> list[Operation]:
    """The document's operations, by path."""
    return [
        Operation(
            method=method.upper(),
            path=path,
            summary=one["summary"],
            description=one.get("description", ""),
            role=one.get("x-least-role"),
            parameters=one.get("parameters", []),
            body=_schema(one.get("requestBody", {})),
            answers=[
                (status, answer.get("description", ""), _schema(answer))
                for status, answer in sorted(one["responses"].items())
            ],
        )
        for path, methods in sorted(document["paths"].items())
        for method, one in methods.items()
    ]


def _schema(content: dict[str, Any]) -> str | None:
    """The name of the schema that a body has, where it has one of the document's."""
    for media in content.get("content", {}).values():
        if (reference := media.get("schema", {}).get("$ref")) is not None:
            return str(reference).rpartition("/")[2]
    return None
