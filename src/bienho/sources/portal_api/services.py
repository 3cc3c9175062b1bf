"""The paths of the portal that take files in, and what each takes. The version of a dossier is told by its content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One path. `kinds`: the LOAIHOSO it takes; `in_query`: everything but the file stands in the query (4210)."""

    path: str
    kinds: frozenset[str]
    in_query: bool = False

    @property
    def name(self) -> str:
        """The last part of the path, as the portal's guide calls the service."""
        return self.path.rpartition("/")[2]


CHECK_IN, DOSSIER, ASSESSMENT, VISIT_4210 = "0", "130", "12", "3"

SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        Service("/api/qd130/checkInKcbQd130", frozenset({CHECK_IN})),
        Service("/api/qd130/checkInKcbQd4750", frozenset({CHECK_IN})),
        Service("/api/qd130/checkInKcbQd3176", frozenset({CHECK_IN})),
        Service("/api/qd130/guiHoSoXmlQD130", frozenset({DOSSIER})),
        Service("/api/qd130/guiHoSoXmlQD4750", frozenset({DOSSIER})),
        Service("/api/qd130/guiHoSoXmlQD3176", frozenset({DOSSIER})),
        Service("/api/qd130/guiDuLieuGdykQd130", frozenset({ASSESSMENT})),
        Service("/api/egw/guiHoSoGiamDinh4210", frozenset({VISIT_4210}), in_query=True),
    )
}
