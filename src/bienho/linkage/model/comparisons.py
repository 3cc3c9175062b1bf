"""What two records are compared by, said once as SQL over the columns `x_l` and `x_r` of `features`.

Training puts the same text into Splink that scoring puts into DuckDB, so a weight belongs to exactly the level it was
learned for. Every condition is symmetric in left and right and refuses the crowd first: a level that many strangers
reach is one of its own.

Four kinds of pairs are weighed against each other, because in a province the hard pair is not two strangers:
    match   two records of one person
    random  two strangers
    kin     two people of one house: same telephone, address and often family name; other birth, other given name
    twin    born on one day of one mother: all of the above and the birth; other given name, other numbers
`match` and `random` are learned (see `train`), the other two are set here from what a household shares
(source: this project's reading of civil papers in Gia Lai; no measurement stands behind the second digit).
"""

from __future__ import annotations

from dataclasses import dataclass

from bienho.linkage.model.terms import KNOWN_GIVEN

KINDS = ("match", "random", "kin", "twin")


@dataclass(frozen=True)
class Level:
    """One outcome of a comparison: its condition and how often each kind of pair reaches it (before training)."""

    key: str
    sql: str
    match: float
    random: float
    kin: float
    twin: float
    term: str = ""
    """How common the agreed term is counts too: '' no, 'name', 'pair' (family and given), 'most' (of two names)."""


@dataclass(frozen=True)
class Comparison:
    """Levels from the strictest down; the last takes what is left. `null` says when there is nothing to compare."""

    name: str
    null: str
    levels: tuple[Level, ...]

    def case(self) -> str:
        """SQL of the level's number: 0 nothing to compare, then 1, 2 … in the order of `levels`."""
        whens = " ".join(f"WHEN {level.sql} THEN {n}" for n, level in enumerate(self.levels[:-1], 1))
        return f"CASE WHEN {self.null} THEN 0 {whens} ELSE {len(self.levels)} END"


def _missing(column: str) -> str:
    return f"{column}_l IS NULL OR {column}_r IS NULL"


def _same(*columns: str) -> str:
    return " AND ".join(f"{column}_l = {column}_r" for column in columns)


def _one_edit(column: str) -> str:
    """One letter more, less, other, or two turned. An edit leaves one end whole: what lacks that is not measured."""
    ends = " OR ".join(f"{end}({column}_l, 4) = {end}({column}_r, 4)" for end in ("left", "right"))
    near = f"abs(length({column}_l) - length({column}_r)) <= 1 AND {_alike(column, 0.85)}"
    return f"({ends}) AND {near} AND damerau_levenshtein({column}_l, {column}_r) = 1"


def _alike(column: str, least: float) -> str:
    return f"jaro_winkler_similarity({column}_l, {column}_r) >= {least}"


_PLAIN = _same("name_plain")
_BOTH_KNOWN = f"given_term_l <= {KNOWN_GIVEN} AND given_term_r <= {KNOWN_GIVEN} AND given_l <> given_r"
"""Two names that many carry are two names, however few letters part them (An, Ân, Anh)."""

NAME = Comparison(
    "name",
    _missing("name_plain"),
    (
        Level("marked", f"marked_l AND marked_r AND {_same('name')}", 0.62, 2e-5, 0.004, 0.002, "name"),
        Level("plain", f"NOT (marked_l AND marked_r) AND {_PLAIN}", 0.17, 2e-5, 0.002, 0.001, "name"),
        Level("marks", _PLAIN, 0.02, 1e-5, 0.002, 0.004, "name"),
        Level("turned", _same("name_sorted"), 0.01, 1e-5, 5e-4, 5e-4, "name"),
        Level(
            "syllable_lost",
            f"{_same('family', 'given')} AND (contains(middle_l, middle_r) OR contains(middle_r, middle_l))",
            0.03,
            1e-4,
            0.01,
            0.005,
            "pair",
        ),
        Level("letter_known", f"{_BOTH_KNOWN} AND {_one_edit('name_plain')}", 0.004, 5e-5, 0.01, 0.02),
        Level("letter", _one_edit("name_plain"), 0.04, 2e-5, 0.003, 0.003, "most"),
        Level(
            "close",
            f"NOT ({_BOTH_KNOWN}) AND ({_alike('name_plain', 0.93)} OR {_alike('name_sorted', 0.95)})",
            0.04,
            5e-4,
            0.01,
            0.01,
            "most",
        ),
        Level("family_given", _same("family", "given"), 0.02, 1e-3, 0.01, 0.005, "pair"),
        Level("sibling", _same("family", "middle"), 0.005, 0.01, 0.1, 0.47),
        Level("family", _same("family"), 0.005, 0.06, 0.33, 0.47),
        Level("given", _same("given"), 0.02, 0.01, 0.01, 0.003),
        Level("other", "", 0.02, 0.93, 0.52, 0.01),
    ),
)

_YEAR = _same("birth_year")
_APART = "abs(birth_year_l - birth_year_r)"
GENERATION = 12
"""Years of birth further apart than this are of two people until a person says otherwise (as `persons.Rules.years`)."""
_NEAR_DAYS = "(birth_year_l = birth_year_r OR (birth_month_l = birth_month_r AND birth_day_l = birth_day_r))"
_DAY = "birth_day_l IS NOT NULL AND birth_day_r IS NOT NULL"

BIRTH = Comparison(
    "birth",
    _missing("birth_year"),
    (
        Level("same", f"{_DAY} AND {_same('birth')}", 0.86, 4e-5, 0.003, 0.97),
        Level(
            "swapped",
            f"{_DAY} AND {_YEAR} AND birth_day_l = birth_month_r AND birth_month_l = birth_day_r",
            0.006,
            4e-5,
            5e-4,
            0.001,
        ),
        Level("year_only", f"NOT ({_DAY}) AND {_YEAR}", 0.06, 0.008, 0.015, 0.01),
        Level(
            "year_by_one",
            f"{_DAY} AND {_same('birth_month', 'birth_day')} AND {_APART} IN (1, 100)",
            0.01,
            8e-5,
            5e-4,
            5e-4,
        ),
        Level(
            "digit",
            f"{_DAY} AND {_NEAR_DAYS} AND damerau_levenshtein(birth_l::VARCHAR, birth_r::VARCHAR) = 1",
            0.015,
            8e-4,
            0.001,
            0.001,
        ),
        Level(
            "two_parts",
            f"{_DAY} AND (({_YEAR} AND (birth_month_l = birth_month_r OR birth_day_l = birth_day_r))"
            f" OR ({_same('birth_month', 'birth_day')} AND {_APART} <= 11))",
            0.01,
            2e-3,
            0.003,
            0.002,
        ),
        Level("year_near", f"NOT ({_DAY}) AND {_APART} <= 2", 0.01, 0.016, 0.03, 0.001),
        Level("year", _YEAR, 0.004, 0.012, 0.02, 0.003),
        Level("other", f"{_APART} <= {GENERATION}", 0.006, 0.23, 0.3, 0.003),
        Level("far", "", 0.004, 0.73, 0.62, 0.002),
    ),
)

SEX = Comparison(
    "sex",
    _missing("sex"),
    (
        Level("same", _same("sex"), 0.995, 0.5, 0.45, 0.55),
        Level("other", "", 0.005, 0.5, 0.55, 0.45),
    ),
)

PERSONAL = Comparison(
    "personal",
    "NOT ((cccd_l IS NOT NULL AND cccd_r IS NOT NULL) OR (cmnd_l IS NOT NULL AND cmnd_r IS NOT NULL))",
    (
        Level("cccd", f"own_l AND own_r AND {_same('cccd')}", 0.8, 2e-7, 1e-5, 1e-5),
        # The number of a parent on the papers of a child: shared by mother and children.
        Level("cccd_borrowed", _same("cccd"), 0.03, 2e-7, 0.1, 0.1),
        # Numbers given out on one day to one family are near each other.
        Level("cccd_digit", f"firm_l AND firm_r AND {_one_edit('cccd')}", 0.01, 1e-6, 1e-3, 0.05),
        Level("cccd_slip", _one_edit("cccd"), 0.02, 1e-6, 1e-3, 0.01),
        Level("cmnd", _same("cmnd"), 0.08, 2e-7, 1e-5, 1e-5),
        Level("cmnd_digit", _one_edit("cmnd"), 0.005, 1e-6, 1e-3, 1e-3),
        Level("cccd_unsure", "cccd_l <> cccd_r AND NOT (firm_l AND firm_r)", 0.05, 0.1, 0.2, 0.25),
        Level("cmnd_other", "cmnd_l <> cmnd_r", 0.005, 0.1, 0.1, 0.05),
        Level("cccd_other", "", 0.02, 0.8, 0.6, 0.55),
    ),
)

INSURANCE = Comparison(
    "insurance",
    _missing("insurance"),
    (
        Level("same", _same("insurance"), 0.93, 2e-7, 0.003, 0.003),
        Level("digit", _one_edit("insurance"), 0.01, 2e-6, 0.001, 0.01),
        Level("other", "", 0.06, 1.0, 0.996, 0.987),
    ),
)

PHONE = Comparison(
    "phone",
    _missing("phone"),
    (
        Level("same", _same("phone"), 0.7, 2e-6, 0.5, 0.7),
        Level("digit", _one_edit("phone"), 0.02, 1e-5, 0.01, 0.01),
        Level("other", "", 0.28, 1.0, 0.49, 0.29),
    ),
)

ADDRESS = Comparison(
    "address",
    _missing("address"),
    (
        Level("same", _same("address"), 0.5, 2e-4, 0.5, 0.6),
        Level("near", _alike("address", 0.9), 0.2, 0.004, 0.2, 0.2),
        Level("other", "", 0.3, 0.99, 0.3, 0.2),
    ),
)

COMMUNE = Comparison(
    "commune",
    _missing("commune"),
    (
        Level("same", _same("commune"), 0.85, 0.012, 0.92, 0.97),
        Level("other", "", 0.15, 0.988, 0.08, 0.03),
    ),
)

ETHNIC = Comparison(
    "ethnic",
    _missing("ethnic"),
    (
        Level("same_few", "ethnic_l = ethnic_r AND ethnic_l <> '01'", 0.25, 0.06, 0.25, 0.25),
        Level("same", _same("ethnic"), 0.73, 0.5, 0.68, 0.73),
        Level("other", "", 0.02, 0.44, 0.07, 0.02),
    ),
)

LOCAL = Comparison(
    "local",
    f"{_missing('patient_local_id')} OR facility_code_l <> facility_code_r",
    (
        Level("same", _same("patient_local_id"), 0.9, 1e-6, 1e-4, 1e-4),
        Level("other", "", 0.1, 1.0, 1.0, 1.0),
    ),
)

MOTHER = Comparison(
    "mother",
    _missing("mother"),
    (
        # "Con bà … 1" and "Con bà … 2" of one birth.
        Level("numbered_apart", "newborn_no_l <> newborn_no_r", 5e-4, 1e-6, 0.01, 0.3),
        Level("same", _same("mother"), 0.93, 2e-4, 0.3, 0.65),
        Level("near", _alike("mother", 0.93), 0.05, 1e-3, 0.02, 0.04),
        Level("other", "", 0.02, 1.0, 0.68, 0.01),
    ),
)

COMPARISONS = (NAME, BIRTH, SEX, PERSONAL, INSURANCE, PHONE, ADDRESS, COMMUNE, ETHNIC, LOCAL, MOTHER)
"""In the order of the bits of a code: four bits a comparison, the first in the lowest."""

BITS = 4
TERM_SHIFT = BITS * len(COMPARISONS)
"""After the comparisons: four bits for the class of the term agreed on (0 none, see `terms`)."""
