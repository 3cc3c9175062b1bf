"""PostgreSQL under the house: the embedded server or `BIENHO_DATABASE_URL`, roles, migrations, locks."""

from bienho.database.connection import Database, open_database, remove_database, stop
from bienho.database.failures import storage_errors
from bienho.database.lake_schemas import create_lake_schema, drop_lake_schema, empty_lake_schema, lake_schemas
from bienho.database.roles import Role

__all__ = [
    "Database",
    "Role",
    "create_lake_schema",
    "drop_lake_schema",
    "empty_lake_schema",
    "lake_schemas",
    "open_database",
    "remove_database",
    "stop",
    "storage_errors",
]
