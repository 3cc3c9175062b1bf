"""The column `row_counts` of `standard.xml130_dossier`, written and read: `XML1=1 XML2=3`."""

from __future__ import annotations

from collections.abc import Mapping


def note_rows(counts: Mapping[str, int]) -> str:
    """Table → rows, as a text; tables without rows are left out."""
    return " ".join(f"{table}={count}" for table, count in counts.items() if count)


def noted_rows(text: str) -> dict[str, int]:
    """Table → rows, of the tables that have any."""
    return {table: int(count) for table, count in (part.split("=") for part in text.split())}
