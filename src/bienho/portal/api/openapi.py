"""The OpenAPI 3.1 document of the door of systems, made from the code: scopes, purposes and limits as they are."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from bienho.governance import PURPOSES
from bienho.governance.people import NUMBERS
from bienho.governance.people.systems import SCOPES
from bienho.governance.people.tokens import ASSERTION_TYPE
from bienho.portal.api import openapi_results
from bienho.portal.api.openapi_parts import CODES, TEXT, TEXTS, json_of, object_of, protected

SCHEMAS: dict[str, Any] = {
    "Problem": object_of({"code": TEXT, "message": TEXT, "hint": TEXT}),
    "TokenProblem": object_of({"error": TEXT}),
    "Token": object_of(
        {
            "access_token": TEXT,
            "token_type": {"const": "Bearer"},
            "expires_in": {"type": "integer", "minimum": 0, "maximum": NUMBERS.token_minutes * 60},
            "scope": TEXT,
        }
    ),
    "Me": object_of(
        {
            "client_id": TEXT,
            "name": TEXT,
            "unit": TEXT,
            "roles": TEXTS,
            "scopes": {"type": "array", "items": {"enum": list(SCOPES)}},
            "expires_at": {"type": "string", "format": "date-time"},
            "reach": {
                "type": "array",
                "items": object_of({"unit": TEXT, "role": TEXT, "facilities": CODES, "communes": CODES}),
            },
            "datasets": TEXTS,
        }
    ),
    "Datasets": object_of({"datasets": {"type": "array", "items": {"$ref": "#/components/schemas/Dataset"}}}),
    "Dataset": object_of(
        {
            "id": TEXT,
            "title_vi": TEXT,
            "title_en": TEXT,
            "grain": TEXT,
            "key": TEXTS,
            "owner": TEXT,
            "purpose": {"enum": list(PURPOSES)},
            "actions": {"type": "array", "items": {"enum": ["read", "aggregate"]}},
            "limited": {"type": "boolean", "description": "Only rows of the unit's own facilities and communes."},
            "columns": {
                "type": "array",
                "items": object_of({"name": TEXT, "type": TEXT, "description": TEXT}),
            },
        }
    ),
}


def _token() -> dict[str, Any]:
    form = {
        "type": "object",
        "required": ["grant_type"],
        "properties": {
            "grant_type": {"const": "client_credentials"},
            "scope": {"type": "string", "description": f"Some of: {', '.join(SCOPES)}; none = all of the client."},
            "client_id": TEXT,
            "client_secret": TEXT,
            "client_assertion": TEXT,
            "client_assertion_type": {"const": ASSERTION_TYPE},
        },
    }
    return {
        "summary": "A token for some minutes, for a system that proves itself.",
        "security": [{"clientSecret": []}, {"mutualTLS": []}, {}],
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}},
        "responses": {
            "200": json_of("Token", "The token; it works for its client only."),
            "400": json_of("TokenProblem", "The request is not complete, or its scope is too wide."),
            "401": json_of("TokenProblem", "The system could not be authenticated."),
            "429": json_of("Problem", f"More than {NUMBERS.address_minute_requests} requests a minute of one address."),
        },
    }


def document(address: str) -> dict[str, Any]:
    """The whole document; `address` '' while only this machine reaches the house."""
    purpose = {
        "name": "purpose",
        "in": "query",
        "required": False,
        "description": "Only what is open for this purpose.",
        "schema": {"enum": list(PURPOSES)},
    }
    flow = {"tokenUrl": f"{address}/oauth2/token", "scopes": dict(SCOPES)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bienho",
            "version": version("bienho"),
            "summary": "The door of systems of the shared health-data warehouse.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": address or "/"}],
        "paths": {
            "/oauth2/token": {"post": _token()},
            "/api/v1/me": {"get": protected("Who am I, and what is open to me?", "Me", ())},
            "/api/v1/datasets": {
                "get": protected("Which datasets are open to me?", "Datasets", ("reference", "product"), [purpose])
            },
            **openapi_results.paths(),
            "/api/v1/openapi.json": {
                "get": {
                    "summary": "This document.",
                    "security": [{}],
                    "responses": {
                        "200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {}}}}
                    },
                }
            },
        },
        "components": {
            "schemas": {**SCHEMAS, **openapi_results.SCHEMAS},
            "securitySchemes": {
                "oauth2": {"type": "oauth2", "flows": {"clientCredentials": flow}},
                "mutualTLS": {"type": "mutualTLS"},
                "clientSecret": {"type": "http", "scheme": "basic"},
            },
        },
    }
