"""The lake: raw segments and DuckLake, and the only opener of both. Public names of the room."""

from bienho.lake.raw import RawHeader, RawItem, RawStore, Receipt

__all__ = ["RawHeader", "RawItem", "RawStore", "Receipt"]
