"""An event of the record as a FHIR R4 AuditEvent in the forms of IHE Basic Audit Log Patterns (BALP).

The record keeps a compact form, which is what the chain covers; this is the same event for whoever reads FHIR. A
profile is claimed only where the event fits it: an access that was allowed and touches at most one patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_EVENT = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://hl7.org/fhir/restful-interaction"
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_PARTY = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
HOUSE = "urn:bienho:"

#: category → (type, subtype); an access has the subtype of its action.
_TYPES = {
    "access": (_EVENT, "rest"),
    "decision": (_DCM, "110113"),  # security alert
    "change": (_DCM, "110107"),  # import
    "administration": (_DCM, "110100"),  # application activity
}


def resource(event: Mapping[str, Any]) -> dict[str, Any]:
    """The FHIR resource of one event as `audit.recent` gives it."""
    category = event.get("category", "access")
    agent = event["agent"][0]
    patients = [one for one in event["entity"] if one["type"] == "Patient"]
    subtype = event.get("subtype", "")
    query = subtype in ("query", "aggregate")
    return {
        "resourceType": "AuditEvent",
        "id": event["id"],
        **_meta(category, event["outcome"], patients, query),
        "type": _coding(*_TYPES[category]),
        "subtype": [
            _coding(_REST, "search" if query else "read")
            if category == "access"
            else _coding(HOUSE + "action", subtype)
        ],
        "action": event["action"],
        "recorded": event["recorded"],
        "outcome": event["outcome"],
        "outcomeDesc": event["reason"] or event["outcomeDesc"],
        "purposeOfEvent": [{"coding": [_coding(HOUSE + "purpose", word)]} for word in event["purposeOfEvent"]],
        "agent": [
            _machine("110152", agent["network"]),
            _machine("110153", event["source"]["site"]),
            {
                "type": {"coding": [_coding(_PARTY, "IRCP")]},
                "who": {"identifier": {"system": HOUSE + "account", "value": agent["who"]}},
                "name": agent["name"],
                "requestor": True,
                "role": [{"coding": [_coding(HOUSE + "role", role)]} for role in agent.get("role", [])],
                "policy": [HOUSE + "policy:" + name for name in agent["policy"]],
            },
        ],
        "source": {
            "site": event["source"]["site"],
            "observer": {"identifier": {"system": HOUSE + "room", "value": event["source"]["observer"]}},
            "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4")],
        },
        "entity": [_entity(one) for one in event["entity"]],
    }


def _meta(category: str, outcome: str, patients: list[Any], query: bool) -> dict[str, Any]:
    if category != "access" or outcome != "0" or len(patients) > 1:
        return {}
    return {"meta": {"profile": [PROFILES + ("Patient" if patients else "") + ("Query" if query else "Read")]}}


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


def _machine(code: str, address: str) -> dict[str, Any]:
    return {
        "type": {"coding": [_coding(_DCM, code)]},
        "who": {"identifier": {"value": address}},
        "requestor": False,
        "network": {"address": address, "type": "1"},
    }


def _entity(one: Mapping[str, Any]) -> dict[str, Any]:
    patient = one["type"] == "Patient"
    details = [{"type": name, "valueString": str(value)} for name, value in one.get("detail", {}).items()]
    what = {"identifier": {"system": HOUSE + one["type"].lower(), "value": one["what"]["identifier"]}}
    return {
        "type": _coding(_ENTITY, "1" if patient else "2"),
        "role": _coding(_ROLE, "1" if patient else "4"),
        "what": {**what, **({"type": "Patient"} if patient else {})},
        **({"detail": details} if details else {}),
    }
