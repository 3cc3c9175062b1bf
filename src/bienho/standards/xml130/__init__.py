"""XML130: the dossier format of Vietnamese health insurance (4210, 130, 4750, 3176): read, columns, write, map."""

from bienho.standards.xml130 import columns
from bienho.standards.xml130.columns import Versioned
from bienho.standards.xml130.read import Envelope, read_delivery
from bienho.standards.xml130.read_model import Dossier, Unreadable, UnreadableDossier
from bienho.standards.xml130.versions import TABLES

__all__ = [
    "TABLES",
    "Dossier",
    "Envelope",
    "Unreadable",
    "UnreadableDossier",
    "Versioned",
    "columns",
    "read_delivery",
]
