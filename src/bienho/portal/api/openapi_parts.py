"""Pieces of the OpenAPI document: shapes, answers, an operation that needs a token."""

from __future__ import annotations

from typing import Any

from bienho.governance.people import NUMBERS

TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
CODES: dict[str, Any] = {"oneOf": [{"type": "null"}, TEXTS], "description": "null = the whole province"}


def object_of(required: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An object with exactly these properties, all of them required."""
    return {
        "type": "object",
        "required": sorted(required),
        "properties": required,
        "additionalProperties": False,
        **more,
    }


def json_of(schema: str, text: str) -> dict[str, Any]:
    """An answer of this shape."""
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def protected(
    summary: str,
    schema: str,
    scopes: tuple[str, ...],
    parameters: list[Any] | None = None,
    status: str = "200",
    **more: Any,
) -> Any:
    """An operation of whoever has a token or certificate; `more`: its body, and further responses by status."""
    further = more.pop("responses", {})
    return {
        "summary": summary,
        "security": [{"oauth2": list(scopes)}, {"mutualTLS": []}],
        "parameters": parameters or [],
        "responses": {
            status: json_of(schema, "What was asked for."),
            "400": json_of("Problem", "A parameter that is not known."),
            "401": json_of("Problem", "No token or certificate that is valid."),
            "403": json_of("Problem", "Not open: scope, policy or agreement."),
            "429": json_of("Problem", f"More than {NUMBERS.client_minute_requests} requests a minute."),
            "503": json_of("Problem", "The house cannot answer now."),
            **further,
        },
        **more,
    }
