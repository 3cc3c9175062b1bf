"""A walk over the whole lake, some versions at a time: what bounds the memory of it, however large the lake is."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

CHUNK = 20_000
"""Versions of a part."""


def parts(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Of each part the SQL condition on `version_id`, over all versions in their order."""
    versions = connection.execute("SELECT version_id FROM lake.standard.xml130_dossier ORDER BY 1").fetchnumpy()
    every = versions["version_id"]
    for start in range(0, len(every), CHUNK):
        yield f"version_id BETWEEN {every[start]} AND {every[min(start + CHUNK, len(every)) - 1]}"
