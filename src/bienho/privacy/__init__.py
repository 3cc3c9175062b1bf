"""What may tell who a patient is: sealed in the vault, named outside by keyed digests. Public names of the room."""

from bienho.privacy.blind import Blind, Kind, blind_entries, name_birth
from bienho.privacy.digests import Digests
from bienho.privacy.erasures import Erasure, Erasures, Place, Spot, Taken
from bienho.privacy.pseudonyms import Pseudonyms
from bienho.privacy.rotation import KeyVersion, Rotation
from bienho.privacy.sealing import Payload, encode
from bienho.privacy.texts import PatientTexts
from bienho.privacy.vault import BATCH_MAX, FreshVisits, SealResult, Vault, VaultEntry

__all__ = [
    "BATCH_MAX",
    "Blind",
    "Digests",
    "Erasure",
    "Erasures",
    "FreshVisits",
    "KeyVersion",
    "Kind",
    "PatientTexts",
    "Payload",
    "Place",
    "Pseudonyms",
    "Rotation",
    "SealResult",
    "Spot",
    "Taken",
    "Vault",
    "VaultEntry",
    "blind_entries",
    "encode",
    "name_birth",
]
