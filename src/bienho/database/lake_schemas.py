"""PostgreSQL schemas that hold a lake's catalog: a rebuild needs a second one beside the first."""

from __future__ import annotations

import re

from psycopg import sql

from bienho.database.connection import Database
from bienho.database.roles import Role

_NAME = re.compile(r"lake_r[0-9]{4}")


def create_lake_schema(database: Database, name: str) -> None:
    """An empty schema `name` with the rights the schema `lake` has: the worker owns it, the web role reads it."""
    _check(name)
    schema = sql.Identifier(name)
    worker, web = sql.Identifier(Role.WORKER.value), sql.Identifier(Role.WEB.value)
    with database.connect(Role.ADMIN) as admin:
        admin.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(schema, worker))
        admin.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, web))
        admin.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT SELECT ON TABLES TO {}").format(
                worker, schema, web
            )
        )


def drop_lake_schema(database: Database, name: str) -> None:
    """Remove a schema made by `create_lake_schema` with everything in it; one that is not there is no error."""
    _check(name)
    with database.connect(Role.ADMIN) as admin:
        admin.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))


def lake_schemas(database: Database) -> list[str]:
    """Names of the schemas made by `create_lake_schema` that are there."""
    with database.connect(Role.ADMIN) as admin:
        rows = admin.execute("SELECT nspname FROM pg_namespace ORDER BY nspname").fetchall()
    return [name for (name,) in rows if _NAME.fullmatch(name)]


def empty_lake_schema(database: Database, name: str) -> int:
    """Remove every table of a lake's schema and keep the schema with its rights; how many there were."""
    with database.connect(Role.ADMIN) as admin:
        tables = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (name,)).fetchall()
        for (table,) in tables:
            admin.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(name, table)))
    return len(tables)


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a rebuilt lake: {name}")
