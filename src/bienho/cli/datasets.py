"""`bienho catalogue`: what the store holds, from the contracts; it needs no home and reads no data."""

from __future__ import annotations

import click

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console
from bienho.contracts import Contract
from bienho.contracts import catalogue as contracts
from bienho.core.errors import UsageError
from bienho.governance.sql_check import ZONES


@click.command()
@click.argument("dataset", required=False)
@JSON
def catalogue(dataset: str | None, json_: bool) -> None:
    """Kho có những bộ dữ liệu nào; thêm tên bộ dữ liệu để xem các trường."""
    known = {name: contract for name, contract in contracts().items() if contract.zone in ZONES}
    if dataset is None:
        rows = [(one.id, one.title_vi, one.grain, len(one.fields)) for one in known.values()]
        if json_:
            as_json([dict(zip(("dataset", "title", "grain", "fields"), row, strict=True)) for row in rows])
        else:
            as_table(("Bộ dữ liệu", "Tên", "Mỗi dòng là", "Số trường"), rows)
            console.print("Xem các trường: bienho catalogue TÊN, ví dụ bienho catalogue standard.xml130_1")
        return
    found = known.get(dataset.lower())
    if found is None:
        raise UsageError("USE-DATASET", "Không có bộ dữ liệu này.", hint="Xem `bienho catalogue`.")
    _show(found, json_)


def _show(contract: Contract, json_: bool) -> None:
    heads = ("name", "type", "class", "in_vault", "description")
    rows = [
        (field.name, field.physical_type, field.data_class, field.in_vault, field.description)
        for field in contract.fields
    ]
    if json_:
        fields = [dict(zip(heads, row, strict=True)) for row in rows]
        as_json({"dataset": contract.id, "title": contract.title_vi, "grain": contract.grain, "fields": fields})
        return
    told = [(name, kind, cls, "có" if vault else "–", about) for name, kind, cls, vault, about in rows]
    title = f"{contract.id}: {contract.title_vi}; mỗi dòng là {contract.grain}"
    as_table(("Trường", "Kiểu", "Lớp", "Trong két", "Nghĩa"), told, title=title)
