"""What a check can say of codes when it is given the province's lists, and that it says nothing without them.

The lists are the files that `bienho codes import` takes, and the models are the warehouse's own: a code is unknown here
exactly when the warehouse would not find it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bienho.config import DEFAULT, load_profile
from bienho.contracts.models import Model
from bienho.core.errors import UsageError
from bienho.core.ids import split_version
from bienho.sources import read_file
from bienho.standards.xml130.map import models
from bienho.terminology import OPEN_START, Edition, builtin_editions, parse_import, reference_tables

ABSENT = {
    "facility": """
        SELECT version_id, 'XML1' AS table_name, 1 AS row_no, 'MA_CSKCB' AS field
        FROM conformed.encounter WHERE facility_canonical IS NULL""",
    "icd10": """
        SELECT version_id, table_name, row_no,
               CASE role WHEN 'main' THEN 'MA_BENH_CHINH' ELSE 'MA_BENH_KT' END AS field
        FROM conformed.condition WHERE in_list = false""",
}
"""Kind of list → the places whose code the list does not hold on the day of service."""
NEEDED = ("conformed.encounter", "conformed.condition")


@dataclass(slots=True)
class ListVerdict:
    """One list: whether it was there to be asked, and the places (path, hoso, table, row, field) of unknown codes."""

    kind: str
    evaluable: bool
    unknown: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {"list": self.kind, "evaluable": self.evaluable, "unknown": self.unknown}


class Lists:
    """The lists given to one check; without any there is nothing to run."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """UsageError USE-CHECK-LISTS where no name is that of a kind of list; InputError as `codes import`."""
        given = {path.stem.lower(): _edition(path) for place in paths for path in _files(place)}
        self._verdicts = {kind: ListVerdict(kind, kind in given) for kind in ABSENT}
        self.models: Sequence[Model] = [model for model in models() if model.name in NEEDED] if given else ()
        self.tables: dict[str, pa.Table] = {}
        if given:
            self.tables = reference_tables([*builtin_editions(load_profile()), *given.values()])

    def look(self, connection: duckdb.DuckDBPyConnection, paths: Mapping[int, str]) -> None:
        """Note the unknown codes in a batch on which the models have just been run; `paths` by receipt sequence."""
        for verdict in self._verdicts.values():
            if verdict.evaluable:
                rows = connection.execute(f"SELECT DISTINCT * FROM ({ABSENT[verdict.kind]}) ORDER BY ALL").fetchall()
                for version, table, row, name in rows:
                    seq, hoso = split_version(version)
                    place = {"path": paths[seq], "hoso": hoso, "table": table, "row": row, "field": name}
                    verdict.unknown.append(place)

    def verdicts(self) -> list[ListVerdict]:
        return list(self._verdicts.values())


def _files(place: Path) -> list[Path]:
    """The lists in a folder, or the one file; they are named after their kind: `icd10.csv`, `facility.csv`."""
    files = (
        [place / f"{kind}.csv" for kind in ABSENT if (place / f"{kind}.csv").is_file()] if place.is_dir() else [place]
    )
    if not files or files[0].stem.lower() not in ABSENT:
        names = ", ".join(f"{kind}.csv" for kind in ABSENT)
        raise UsageError(
            "USE-CHECK-LISTS",
            f"Không nhận ra danh mục ở {place.name}.",
            hint=f"Đặt tên tệp theo loại: {', '.join(names)}.",
        )
    return files


def _edition(path: Path) -> Edition:
    return parse_import(path.stem.lower(), read_file(path, DEFAULT), "check", OPEN_START)
