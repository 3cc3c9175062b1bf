"""Every table of every edition: what the writer wrote is read back, in any dress, and from its two halves."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.standards.xml130 import Dossier, columns, read_delivery
from bienho.standards.xml130.versions import BARE, known_tables, rank_of, wire_names, wire_of
from bienho.standards.xml130.write import (
    STYLES,
    TABLES,
    VERSIONS,
    layout,
    write_assessment,
    write_check_in,
    write_delivery,
)
from support.examples import some
from support.xml130_samples import make_rows, make_tables, versioned

Rows = list[dict[str, str]]
PAIRS = [(table, version) for table in TABLES for version in VERSIONS if known_tables()[table] <= rank_of(version)]
KEYS = {"MA_LK", "SO_BIEN_BAN", "MA_CSKCB", "NGAY_RA", "NGAY_VAO", "NGAY_HOP"}
"""By these a document is told from another and dated; the rest may say anything."""
ANYTHING = st.text(
    st.one_of(
        st.sampled_from("<>&\"'\r\n\t ];*đỔ\u0309\u0323"),
        st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff"),
    ),
    max_size=24,
)


@st.composite
def rows_of(draw: st.DrawFn, table: str, version: str) -> Rows:
    """Sound rows with some fields left out and some saying anything that fits."""
    count = 1 if wire_of(table).single and table != "XML7" else draw(st.integers(1, 3))
    rows = make_rows(table, version, count, seed=draw(st.integers(0, 9)), ma_lk="K 1")
    fields = {field.official: field for field in layout(table, version)}
    for row in rows:
        optional = sorted(name for name, field in fields.items() if not field.required and name not in KEYS)
        for name in draw(st.lists(st.sampled_from(optional), unique=True, max_size=6)) if optional else ():
            del row[name]
        for name in draw(st.lists(st.sampled_from(sorted(set(row) - KEYS)), unique=True, max_size=6)):
            row[name] = draw(ANYTHING)[: fields[name].max_length]
    return rows


def written(tables: dict[str, Rows], version: str, style: str) -> bytes:
    if "XML0" in tables:
        return write_check_in(tables["XML0"], version=version, style=STYLES[style])
    if "XML12" in tables:
        return write_assessment(tables["XML12"], version=version, style=STYLES[style])
    return write_delivery([tables], facility="64001", created="20260103", version=version, style=STYLES[style])


def read(data: bytes) -> list[Dossier]:
    dossiers = list(read_delivery(data, door_facility="64001").dossiers)
    assert all(isinstance(one, Dossier) for one in dossiers), dossiers
    return dossiers  # type: ignore[return-value]


@settings(max_examples=some(250), deadline=None)
@given(st.sampled_from(PAIRS), st.sampled_from(sorted(STYLES)), st.sampled_from(sorted(STYLES)), st.data())
def test_read_of_written_is_what_was_sent(pair: tuple[str, str], style: str, other: str, data: st.DataObject) -> None:
    table, version = pair
    sent = make_tables(version, lines=1, ma_lk="K 1") if table not in BARE else {}
    sent[table] = data.draw(rows_of(table, version))
    dossiers = read(written(sent, version, style))
    expected = [{table: [row]} for row in sent[table]] if table == "XML12" else [sent]
    assert [one.tables for one in dossiers] == expected
    again = read(written(sent, version, other))
    assert [one.content for one in again] == [one.content for one in dossiers]
    for dossier in dossiers:
        built = columns.build([versioned(dossier)])
        lake = {name: built[columns.dataset_of(name)] for name in dossier.tables}
        halves = columns.vault_payload(dossier), lake
        assert columns.restore(*halves) == dossier.tables
        assert columns.restore(*halves, dossier.format_version) == {
            name: [{wire_names(name, version).get(key, key): text for key, text in row.items()} for row in rows]
            for name, rows in dossier.tables.items()
        }
