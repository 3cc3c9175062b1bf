"""Raw segments: the bytes as sent, hashed, encrypted, append-only. Public names of the half-room."""

from bienho.lake.raw.frame import RawHeader, RawItem, Receipt, Tombstone
from bienho.lake.raw.store import RawStore

__all__ = ["RawHeader", "RawItem", "RawStore", "Receipt", "Tombstone"]
