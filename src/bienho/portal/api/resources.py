"""What systems may ask: who am I, what is open to me, which datasets. Nothing here reads a row."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.contracts import catalogue
from bienho.governance import PURPOSES
from bienho.governance.openings import Opening, openings
from bienho.portal import entry
from bienho.portal.api import openapi
from bienho.portal.api.asking import answer, asked
from bienho.portal.api.door import for_systems, problem

CATALOGUE_SCOPES = ("reference", "product")


def _openings(request: HttpRequest) -> list[Opening]:
    house = entry.house()
    return openings(house.database, house.keys, house.home, request.actor)


@for_systems()
@require_GET
@asked()
def me(request: HttpRequest) -> HttpResponse:
    """Who I am, and what is open to me."""
    actor, client = request.actor, request.client
    open_now = _openings(request)
    return answer(
        {
            "client_id": client.client_id,
            "name": client.name,
            "unit": client.unit,
            "roles": list(actor.roles),
            "scopes": list(request.scopes),
            "expires_at": client.expires_at.isoformat(),
            "reach": [
                {
                    "unit": one.unit,
                    "role": one.role,
                    "facilities": None if one.facilities is None else sorted(one.facilities),
                    "communes": None if one.communes is None else sorted(one.communes),
                }
                for one in actor.memberships
            ],
            "datasets": sorted({one.dataset for one in open_now}),
        }
    )


@for_systems(*CATALOGUE_SCOPES)
@require_GET
@asked("purpose")
def datasets(request: HttpRequest) -> HttpResponse:
    """The datasets that are open to me, for which purpose, with the columns I see; none is listed that is not open."""
    purpose = request.GET.get("purpose")
    if purpose is not None and purpose not in PURPOSES:
        return problem(400, "USE-PURPOSE", "Không có mục đích này.", f"Các mục đích: {', '.join(PURPOSES)}.")
    found = [one for one in _openings(request) if purpose in (None, one.purpose)]
    return answer({"datasets": [_dataset(one) for one in found]})


def _dataset(opening: Opening) -> dict[str, Any]:
    contract = catalogue()[opening.dataset]
    return {
        "id": contract.id,
        "title_vi": contract.title_vi,
        "title_en": contract.title_en,
        "grain": contract.grain,
        "key": list(contract.key),
        "owner": contract.owner,
        "purpose": opening.purpose,
        "actions": list(opening.actions),
        "limited": opening.limited,
        "columns": [
            {"name": field.name, "type": field.logical_type, "description": field.description or ""}
            for field in (contract.by_name[name] for name in opening.columns)
        ],
    }


@entry.open_to_all
@require_GET
def document(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document of this door; it holds no data and is open to whoever wants to connect."""
    return answer(openapi.document(entry.house().doors.address))
