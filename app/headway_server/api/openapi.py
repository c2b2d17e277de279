"""The OpenAPI document: FastAPI's, with the one shape of every error in place of its own."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from headway.wire.problem import Problem
from headway_server.api.access import least_roles

_REFERENCE = "#/components/schemas/{model}"


class Application(FastAPI):
    """A FastAPI application whose document describes errors as `Problem`, keys, and each operation's least
    role (`x-least-role`).
    """

    def openapi(self) -> dict[str, Any]:
        """The document; built once."""
        if self.openapi_schema is None:
            document = super().openapi()
            components = document.setdefault("components", {})
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for route in least_roles(self):
                for method in route.methods if route.role and route.in_document else ():
                    operation = document["paths"][route.path][method.lower()]
                    operation |= {"security": [{"key": []}], "x-least-role": route.role}
            schemas = components.setdefault("schemas", {})
            described = Problem.model_json_schema(mode="serialization", ref_template=_REFERENCE)
            schemas.update(described.pop("$defs", {}))
            schemas["Problem"] = described
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        return super().openapi()
