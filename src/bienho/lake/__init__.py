"""The lake: raw segments and DuckLake, and the only opener of both. Public names of the room."""

from bienho.lake.commits import Retry, Snapshot
from bienho.lake.engine import Bounds
from bienho.lake.extensions import extension_path
from bienho.lake.lake import ContractLike, Lake
from bienho.lake.raw import RawHeader, RawItem, RawStore, Receipt, Tombstone
from bienho.lake.relations import SUPERSEDED, LakeTable, Versions, reading

__all__ = [
    "SUPERSEDED",
    "Bounds",
    "ContractLike",
    "Lake",
    "LakeTable",
    "RawHeader",
    "RawItem",
    "RawStore",
    "Receipt",
    "Retry",
    "Snapshot",
    "Tombstone",
    "Versions",
    "extension_path",
    "reading",
]
