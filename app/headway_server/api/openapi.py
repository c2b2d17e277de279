"""The OpenAPI document: FastAPI's, with the one shape of every error in place of its own."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from headway.wire.problem import Problem

_REFERENCE = "#/components/schemas/{model}"


class Application(FastAPI):
    """A FastAPI application whose document describes errors as `Problem`."""

    def openapi(self) -> dict[str, Any]:
        """The document; built once."""
        if self.openapi_schema is None:
            schemas = super().openapi().setdefault("components", {}).setdefault("schemas", {})
            described = Problem.model_json_schema(mode="serialization", ref_template=_REFERENCE)
            schemas.update(described.pop("$defs", {}))
            schemas["Problem"] = described
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        return super().openapi()
