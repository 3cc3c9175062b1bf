"""Where bytes come from. Yields deliveries, hands them to raw, parses nothing. Public names of the room."""

from bienho.sources.files import FoundFile, find_files
from bienho.sources.receive import ACCOUNT_DOORS, FILE_DOORS, FORM, Delivery, read_file, receive

__all__ = ["ACCOUNT_DOORS", "FILE_DOORS", "FORM", "Delivery", "FoundFile", "find_files", "read_file", "receive"]
