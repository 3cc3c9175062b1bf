"""Code systems: types of codes, editions of lists, built-in lists, imports. Public names of the room."""

from bienho.terminology.anchors import KIND as TRUST_ANCHORS
from bienho.terminology.builtin import builtin_editions, chapter_of, icd_chapters
from bienho.terminology.codes import FacilityCode, Icd10Code, IcdChapter, InsuranceCard, PersonalId
from bienho.terminology.editions import (
    EDITION_SCHEMA,
    OPEN_START,
    SCHEMAS,
    Edition,
    build_edition,
    reference_tables,
)
from bienho.terminology.imports import IMPORT_KINDS, KINDS, parse_icd10, parse_import

__all__ = [
    "EDITION_SCHEMA",
    "IMPORT_KINDS",
    "KINDS",
    "OPEN_START",
    "SCHEMAS",
    "TRUST_ANCHORS",
    "Edition",
    "FacilityCode",
    "Icd10Code",
    "IcdChapter",
    "InsuranceCard",
    "PersonalId",
    "build_edition",
    "builtin_editions",
    "chapter_of",
    "icd_chapters",
    "parse_icd10",
    "parse_import",
    "reference_tables",
]
