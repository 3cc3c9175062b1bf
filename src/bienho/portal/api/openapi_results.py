"""The part of the OpenAPI document about sending and what comes back."""

from __future__ import annotations

from typing import Any

from bienho.portal.api.asking import LEAST, MOST, USUAL
from bienho.portal.api.openapi_parts import TEXT, json_of, object_of, protected
from bienho.portal.api.results import COUNTS, MOST_ASKED, MOST_DAYS, RESULTS, SEVERITIES, USUAL_DAYS
from bienho.portal.api.sends import KINDS, SENDS

COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
NUMBER: dict[str, Any] = {"type": ["integer", "null"]}
MAYBE: dict[str, Any] = {"type": ["string", "null"]}
MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
DAY: dict[str, Any] = {"type": "string", "format": "date", "description": "A day in the province (UTC+7)."}
SHA256: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
DELIVERY: dict[str, Any] = {"type": "string", "pattern": "^D[0-9]{12}$"}
NEXT: dict[str, Any] = {
    "type": ["string", "null"],
    "description": "The cursor of the next page; null: this is the last.",
}
OUTCOME: dict[str, Any] = {"enum": ["accepted", "accepted_with_findings", "quarantined"]}
BY_SEVERITY = object_of(dict.fromkeys(SEVERITIES, COUNT))
_COUNTED = dict.fromkeys(COUNTS, COUNT)


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


_RECEIPT = {"delivery": DELIVERY, "facility": TEXT, "bytes": COUNT, "sha256": SHA256, "received_at": MOMENT}
_TAKEN = {
    "state": {"const": "taken-in"},
    "delivery": DELIVERY,
    "facility": MAYBE,
    "source": MAYBE,
    "bytes": COUNT,
    "sha256": MAYBE,
    "received_at": MOMENT,
    "outcome": OUTCOME,
    "reason": MAYBE,
    "hoso_found": COUNT,
    **_COUNTED,
}
_FOUND = {
    "code": TEXT,
    "dossier": MAYBE,
    "facility": MAYBE,
    "table": MAYBE,
    "row": NUMBER,
    "field": MAYBE,
    "rule": NUMBER,
    "severity": {"enum": list(SEVERITIES)},
    "owner": TEXT,
    "message": TEXT,
    "hoso": COUNT,
    "fix": TEXT,
}
SCHEMAS: dict[str, Any] = {
    "Receipt": object_of({"state": {"const": "received"}, **_RECEIPT}),
    "TakenIn": object_of(_TAKEN),
    "Deliveries": object_of({"deliveries": _list_of("TakenIn"), "next": NEXT}),
    "Delivery": {
        "oneOf": [
            {"$ref": "#/components/schemas/Receipt"},
            object_of(
                {
                    **_TAKEN,
                    "set_aside": {
                        "type": "array",
                        "items": object_of({"hoso": COUNT, "code": TEXT, "message": TEXT, "fix": TEXT}),
                    },
                }
            ),
        ]
    },
    "Finding": object_of({"id": TEXT, "delivery": DELIVERY, **_FOUND}),
    "DeliveryFindings": object_of({"delivery": DELIVERY, "findings": _list_of("Finding"), "next": NEXT}),
    "DossierFindings": object_of(
        {"dossier": TEXT, "delivery": DELIVERY, "hoso": COUNT, "findings": _list_of("Finding"), "next": NEXT}
    ),
    "Dossiers": object_of(
        {
            "delivery": DELIVERY,
            "dossiers": {
                "type": "array",
                "items": object_of(
                    {
                        "hoso": COUNT, "dossier": TEXT, "document": MAYBE, "format": MAYBE,
                        "current": {"type": "boolean"}, "findings": BY_SEVERITY,
                    }
                ),
            },
            "next": NEXT,
        }
    ),
    "Days": object_of(
        {
            "days": {
                "type": "array",
                "maxItems": MOST_DAYS,
                "items": object_of(
                    {"day": DAY, "deliveries": COUNT, "dossiers": COUNT, **_COUNTED, "findings": BY_SEVERITY}
                ),
            }
        }
    ),
    "ReconciliationList": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "facility": {"type": "string", "pattern": "^([0-9A-Za-z._-]{1,40})?$"},
            "sha256": {"type": "array", "maxItems": MOST_ASKED, "items": SHA256, "description": "Of whole files."},
            "ma_lk": {
                "type": "array",
                "maxItems": MOST_ASKED,
                "items": {"type": "string", "pattern": "^[!-~]{1,100}$"},
                "description": "Numbers of visits as sent; they are turned into keys and kept nowhere.",
            },
        },
    },
    "Reconciliation": object_of(
        {
            "facility": TEXT,
            "files": {
                "type": "array",
                "items": object_of(
                    {
                        "sha256": SHA256, "state": {"enum": ["taken-in", "received", "missing"]},
                        "delivery": MAYBE, "outcome": MAYBE,
                    }
                ),
            },
            "dossiers": {
                "type": "array",
                "items": object_of(
                    {
                        "place": COUNT, "stored": {"type": "boolean"}, "dossier": MAYBE, "delivery": MAYBE,
                        "hoso": NUMBER, "received_at": {"type": ["string", "null"], "format": "date-time"},
                        "findings": {"oneOf": [{"type": "null"}, BY_SEVERITY]},
                    }
                ),
            },
        }
    ),
    "Rehearsed": {
        "type": "object",
        "required": ["outcome", "reason", *_COUNTED, "bytes", "findings", "quarantine", "signature", "national"],
        "properties": {
            "outcome": {"enum": [*OUTCOME["enum"], "refused"]},
            "reason": MAYBE,
            "bytes": COUNT,
            **_COUNTED,
            "findings": {"type": "array", "items": {"type": "object", "properties": _FOUND}},
            "quarantine": {"type": "array", "items": {"type": "object"}},
            "signature": {"type": "array", "items": {"type": "object"}},
            "national": {
                "type": "array",
                "description": "What the insurance portal would answer, simulated from public sources.",
                "items": object_of(
                    {"hoso": COUNT, "code": TEXT, "title": TEXT, "fix": TEXT, "known": TEXT, "because": TEXT}
                ),
            },
        },
    },
}  # fmt: skip


def _query(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}


def _in_path(name: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}


LIMIT = _query("limit", {"type": "integer", "minimum": LEAST, "maximum": MOST, "default": USUAL}, "Items of a page.")
FACILITY = _query(
    "facility", {"type": "string", "pattern": "^[0-9A-Za-z._-]{1,40}$"}, "Needed where the account has several."
)
DAYS = _query(
    "count", {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": USUAL_DAYS}, "So many days up to it."
)
SINCE, UNTIL = (_query(name, {"type": "string", "format": "date"}, "A day, UTC+7.") for name in ("since", "until"))
OF_DELIVERY, OF_DOSSIER = _in_path("delivery_id", "^D[0-9]{12}$"), _in_path("key", "^[0-9a-f]{32}$")
ABSENT = {"404": json_of("Problem", "Not there, or not one's own.")}
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary", "minLength": 1}} for kind in KINDS},
    },
    "responses": {
        "413": {"description": "Larger than a delivery may be."},
        "415": json_of("Problem", "Another kind of content."),
    },
}


def _cursor(pattern: str) -> dict[str, Any]:
    return _query("cursor", {"type": "string", "pattern": pattern}, "`next` of the page before.")


def paths() -> dict[str, Any]:
    """The addresses of this part, as the document has them."""
    listing = json_of("Problem", "Not there, or not one's own.")
    of_list = {"required": True, "content": {"application/json": {"schema": _ref("ReconciliationList")}}}
    return {
        "/api/v1/dossiers": {
            "post": protected("Send a file of dossiers.", "Receipt", SENDS, [FACILITY], "201", **_FILE)
        },
        "/api/v1/rehearse": {
            "post": protected(
                "Judge a file without keeping anything of it.", "Rehearsed", SENDS,
                [FACILITY, _query("keys", {"enum": ["0", "1"]}, "1: with MA_LK of each dossier.")], **_FILE,
            )
        },
        "/api/v1/deliveries": {
            "get": protected(
                "Own deliveries, oldest first.", "Deliveries", RESULTS,
                [SINCE, UNTIL, _cursor("^D[0-9]{1,12}$"), LIMIT],
            )
        },
        "/api/v1/deliveries/{delivery_id}": {
            "get": protected("One delivery.", "Delivery", RESULTS, [OF_DELIVERY], responses=ABSENT)
        },
        "/api/v1/deliveries/{delivery_id}/dossiers": {
            "get": protected(
                "Its dossiers.", "Dossiers", RESULTS, [OF_DELIVERY, _cursor("^[0-9]{1,9}$"), LIMIT], responses=ABSENT
            )
        },
        "/api/v1/deliveries/{delivery_id}/findings": {
            "get": protected(
                "Its open findings.", "DeliveryFindings", RESULTS,
                [OF_DELIVERY, _cursor("^[0-9A-Za-z-]{1,60}$"), LIMIT], responses=ABSENT,
            )
        },
        "/api/v1/dossiers/{key}/findings": {
            "get": protected(
                "Open findings of one dossier.", "DossierFindings", RESULTS,
                [OF_DOSSIER, _cursor("^[0-9A-Za-z-]{1,60}$"), LIMIT], responses={"404": listing},
            )
        },
        "/api/v1/days": {
            "get": protected(
                f"What came day by day, at most {MOST_DAYS} days.", "Days", RESULTS, [UNTIL, DAYS]
            )
        },
        "/api/v1/reconciliation": {
            "post": protected("What of a list is here.", "Reconciliation", RESULTS, [], requestBody=of_list)
        },
    }  # fmt: skip


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
