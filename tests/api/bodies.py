"""Bodies for every route that takes one, made of the document, with other things at each place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Step = str | int


def operations_with_body(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and the body's schema of each operation that takes one."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield path, method, content["application/json"]["schema"]


def plausible(  # noqa: C901 (one case after the other)
    schema: dict[str, Any], document: dict[str, Any], depth: int = 0
) -> Any:
    """A value of this schema with all of its fields, as far as types go; of alternatives the first."""
    if "$ref" in schema:
        return plausible(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document, depth)
    for fixed in ("const", "default"):
        if schema.get(fixed) is not None and depth:
            return schema[fixed]
    if "enum" in schema:
        return schema["enum"][0]
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return plausible(alternatives[0], document, depth)
    match schema.get("type"):
        case "object":
            value = {
                name: plausible(field, document, depth + 1)
                for name, field in schema.get("properties", {}).items()
            }
            extra = schema.get("additionalProperties")
            return value | ({"k": plausible(extra, document, depth + 1)} if isinstance(extra, dict) else {})
        case "array":
            item = schema.get("items")
            return [plausible(item, document, depth + 1)] if isinstance(item, dict) else []
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return False
        case "string":
            return "2026-01-01T00:00:00Z" if schema.get("format") == "date-time" else "s"
    return None


def places(value: Any, at: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """Every place in a value."""
    yield at
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places(inner, (*at, step))


def put(value: Any, at: tuple[Step, ...], other: Any) -> Any:
    """The value with another one at a place."""
    if not at:
        return other
    copy = value.copy()
    copy[at[0]] = put(copy[at[0]], at[1:], other)
    return copy
