"""`CLEAN` becomes what comparisons read: shares of names, whose number a number is, one opinion on the sex."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from bienho.linkage.model.terms import GIVEN, NAME, PAIR, TERMS, digest_sql

_OWN = "cccd IS NOT NULL AND coalesce(abs(cccd_birth_year - birth_year) <= 1, true)"
"""The number can be this person's: a child often comes with the number of a parent, and its year then says so."""

_FIRM = (
    "cccd IS NOT NULL AND coalesce(cccd_birth_year = birth_year, true)"
    " AND coalesce(cccd_sex = sex, true) AND coalesce(cccd_sex = name_sex, true)"
)
"""Nothing in the record speaks against the number: only two such numbers forbid a join."""

_SEX = f"""
    CASE WHEN sex IS NULL THEN coalesce(name_sex, CASE WHEN {_OWN} THEN cccd_sex END)
         WHEN name_sex IS NOT NULL AND {_OWN} AND cccd_sex = name_sex THEN name_sex
         WHEN name_sex <> sex OR ({_OWN} AND cccd_sex <> sex) THEN NULL
         ELSE sex END
"""
"""Two of the three that agree; null where the typed sex stands alone against one: no evidence, not a wrong one."""


FEATURES = {
    "name": "name",
    "name_plain": "name_plain",
    "marked": "name_marked",
    "family": "family",
    "middle": "coalesce(middle, '')",
    "given": "given",
    "name_sorted": "name_sorted",
    "mother": "mother",
    "newborn_no": "newborn_no",
    "birth_year": "birth_year",
    "birth_month": "birth_month",
    "birth_day": "birth_day",
    "birth": "CASE WHEN birth_day IS NOT NULL"
    " THEN birth_year::INT * 10000 + birth_month::INT * 100 + birth_day::INT END",
    "sex": _SEX,
    "cccd": "cccd",
    "cmnd": "cmnd",
    "own": _OWN,
    "firm": _FIRM,
    "insurance": "insurance",
    "phone": "phone",
    "address": "address",
    "commune": "commune",
    "ethnic": "ethnic",
    "facility_code": "facility_code",
    "patient_local_id": "patient_local_id",
}
"""Feature → SQL over one row of `CLEAN`."""

TERM_FEATURES = {NAME: "name_term", PAIR: "pair_term", GIVEN: "given_term"}
"""Kind of term → the feature that holds its class."""


RARE = 9
"""From this class on, or where it is not among the kept terms, a name alone makes a small block."""


def make_features(
    con: duckdb.DuckDBPyConnection, clean: str, into: str, salt: str, classes: dict[str, dict[str, int]], *, broad: bool
) -> None:
    """Makes the table `into` of the table `clean` (with the row number `i`): i, record_id, `FEATURES`, the classes of
    `TERM_FEATURES`, name_rare, broad."""
    kinds = [kind for kind, terms in classes.items() for term in terms if term]
    terms = [term for terms in classes.values() for term in terms if term]
    values = [number for terms in classes.values() for term, number in terms.items() if term]
    con.register("kept_term", pa.table({"kind": kinds, "digest": terms, "class": pa.array(values, pa.uint8())}))
    for kind in TERMS:  # a digest costs more than the whole rest of a row: one a term
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE {kind}_of AS SELECT term, class FROM (
                SELECT term, {digest_sql(kind, salt, "term")} AS digest
                FROM (SELECT DISTINCT {TERMS[kind]} AS term FROM {clean}) WHERE term IS NOT NULL
            ) AS t JOIN (SELECT digest, class FROM kept_term WHERE kind = '{kind}') USING (digest)
        """)
    con.unregister("kept_term")
    plain = ", ".join(f"{sql} AS {name}" for name, sql in FEATURES.items())
    termed = ", ".join(
        f"CASE WHEN ({TERMS[kind]}) IS NOT NULL"
        f" THEN coalesce({kind}_of.class, {classes[kind]['']}) END::UTINYINT AS {name}"
        for kind, name in TERM_FEATURES.items()
    )
    joins = " ".join(f"LEFT JOIN {kind}_of ON {kind}_of.term = {TERMS[kind]}" for kind in TERMS)
    con.execute(
        f"CREATE OR REPLACE TABLE {into} AS SELECT i, record_id, {plain}, {termed}, "
        f"coalesce({NAME}_of.class >= {RARE}, true) AS name_rare, {broad} AS broad FROM {clean} {joins}"
    )
