"""The data catalogue: one ODCS 3.1 file per dataset; tables, Arrow schemas, casts and catalogue page derive from it."""

from bienho.contracts.loader import ZONES, Catalogue, catalogue, load
from bienho.contracts.model import VAULT_MARKER, Contract, DataClass, Field, Shape, Wire, arrow_type

__all__ = [
    "VAULT_MARKER",
    "ZONES",
    "Catalogue",
    "Contract",
    "DataClass",
    "Field",
    "Shape",
    "Wire",
    "arrow_type",
    "catalogue",
    "load",
]
