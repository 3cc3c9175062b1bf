"""XML130: the dossier format of Vietnamese health insurance (4210, 130, 4750, 3176): read, columns, write, map."""

from bienho.standards.xml130 import columns
from bienho.standards.xml130.archive import opened_size
from bienho.standards.xml130.as_read import as_read
from bienho.standards.xml130.columns import Versioned
from bienho.standards.xml130.read import Envelope, read_delivery
from bienho.standards.xml130.read_archive import Archive, read_received
from bienho.standards.xml130.read_bytes import PACKED_BEHIND
from bienho.standards.xml130.read_check_all import check_all
from bienho.standards.xml130.read_model import Dossier, Draft, Item, Unreadable, UnreadableDossier, assessment_identity
from bienho.standards.xml130.redact import redact
from bienho.standards.xml130.scan import claimed_facility, claimed_visits, scan
from bienho.standards.xml130.signature import Verdict, verdict_unparsed, verify, verify_received
from bienho.standards.xml130.signature_findings import signature_finding
from bienho.standards.xml130.versions import BARE, TABLES

__all__ = [
    "BARE",
    "PACKED_BEHIND",
    "TABLES",
    "Archive",
    "Dossier",
    "Draft",
    "Envelope",
    "Item",
    "Unreadable",
    "UnreadableDossier",
    "Verdict",
    "Versioned",
    "as_read",
    "assessment_identity",
    "check_all",
    "claimed_facility",
    "claimed_visits",
    "columns",
    "opened_size",
    "read_delivery",
    "read_received",
    "redact",
    "scan",
    "signature_finding",
    "verdict_unparsed",
    "verify",
    "verify_received",
]
