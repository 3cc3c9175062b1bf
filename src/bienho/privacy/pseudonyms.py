"""Names of people for one recipient: stable within it, unlinkable to what any other recipient holds.

Two recipients who put their data together find no common name; nor does either find one of the lake's own keys. Whoever
holds the ring can make them again, so a recipient's question about a row can be answered.
"""

from __future__ import annotations

from bienho.config import KeyRing
from bienho.core.text import nfc
from bienho.privacy.digests import keyed

RECIPIENT_MAX = 128
SUBJECTS = ("person", "patient", "dossier")


class Pseudonyms:
    """The names under which one recipient knows people. `recipient` is the code of its agreement or unit, as is.

    ValueError for a recipient that is empty, longer than 128 letters, not NFC or padded with blanks: two spellings of
    one recipient would silently be two.
    """

    __slots__ = ("_key",)

    def __init__(self, keys: KeyRing, recipient: str) -> None:
        if not recipient or len(recipient) > RECIPIENT_MAX or recipient != nfc(recipient).strip():
            raise ValueError("not a recipient's code")
        self._key = keys.derive(f"privacy/recipient/{recipient}")

    def of(self, subject: str, key: str) -> str:
        """32 hex digits for a person_key, patient_key or dossier_key (`subject` says which); ValueError for others."""
        if subject not in SUBJECTS or not key:
            raise ValueError("not a subject with a key")
        return keyed(self._key, subject, key).hex()
