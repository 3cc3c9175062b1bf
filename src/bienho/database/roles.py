"""Who may log in to PostgreSQL, and with what password. One login role per kind of process."""

from __future__ import annotations

from enum import StrEnum

import psycopg
from psycopg import sql

from bienho.config import KeyRing


class Role(StrEnum):
    """A login role. The value is the role's name in PostgreSQL, except for ADMIN behind `BIENHO_DATABASE_URL`."""

    ADMIN = "bienho_admin"
    """Migrations and repair only. Owns the database; in the embedded server it is the superuser."""
    WORKER = "bienho_worker"
    """The single writer: lake catalog, job queue, vault inserts. Cannot read a sealed vault record."""
    WEB = "bienho_web"
    """Reads the lake catalog. Sees nothing of the vault."""
    GOVERNANCE = "bienho_governance"
    """Accounts, decisions, audit, and the identify path into the vault."""
    PORTAL = "bienho_portal"
    """Django's own schema: sessions and page paperwork."""


LOGIN_ROLES = (Role.WORKER, Role.WEB, Role.GOVERNANCE, Role.PORTAL)
VAULT_OWNER = "bienho_vault"


def password(keys: KeyRing, role: Role) -> str:
    """The role's password: derived, so that it lies nowhere on disk."""
    return keys.derive(f"database/{role.name.lower()}").hex()


def ensure_roles(connection: psycopg.Connection, keys: KeyRing) -> None:
    """Make the login roles that do not exist yet. The caller holds the migration lock and an open transaction.

    A role that exists keeps its password: replacing it under another key would lock out the rightful installation.
    Passwords travel as SCRAM verifiers, never in clear.
    """
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'bienho%'")}
    for role in LOGIN_ROLES:
        if role.value in known:
            continue
        verifier = connection.pgconn.encrypt_password(
            password(keys, role).encode(), role.value.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD {}").format(
                sql.Identifier(role.value), sql.Literal(verifier)
            )
        )
    if VAULT_OWNER not in known:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(VAULT_OWNER)))
    _join_as_plain_admin(connection)


def _join_as_plain_admin(connection: psycopg.Connection) -> None:
    """A managed server's admin is no superuser: to hand schemas to roles it must be their member."""
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if row is None or row[0]:
        return
    for name in (*[role.value for role in LOGIN_ROLES], VAULT_OWNER):
        member = connection.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", (name,)).fetchone()
        if member is None or not member[0]:
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))
