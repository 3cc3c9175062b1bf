"""The writer is the oracle: what it wrote in any edition and dress is read back exactly, and from its two halves."""

from __future__ import annotations

import pytest

from bienho.contracts import catalogue
from bienho.standards.xml130 import Dossier, columns, read_delivery
from bienho.standards.xml130.versions import wire_names
from bienho.standards.xml130.write import STYLES, VERSIONS, write_delivery
from support.xml130_samples import make_rows, make_tables, tables_of, versioned


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("style", STYLES)
def test_every_edition_in_every_dress_comes_back_exactly(version: str, style: str) -> None:
    tables = tables_of(version)
    sent = [make_tables(version, lines=3, seed=seed, ma_lk=f"LK-{seed}", tables=tables) for seed in (1, 2)]
    if "XML7" in tables:
        sent[0]["XML7"] = make_rows("XML7", version, 2, ma_lk="LK-1")
    data = write_delivery(sent, facility="64001", created="20260103", version=version, style=STYLES[style])
    envelope = read_delivery(data)
    assert (envelope.facility, envelope.created, envelope.declared_count) == ("64001", "20260103", "2")
    assert envelope.findings == ()
    dossiers = list(envelope.dossiers)
    for dossier, tables in zip(dossiers, sent, strict=True):
        assert isinstance(dossier, Dossier)
        assert dossier.tables == tables
        assert dossier.format_version == version
        assert dossier.version_evidence == ("structure" if version == "4210" else "date")
        assert dossier.findings == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_lake_and_vault_together_are_what_was_received(version: str) -> None:
    sent = make_tables(version, lines=2, tables=tables_of(version))
    sent["XML2"][1]["SO_LUONG"] = "0912345678"
    data = write_delivery([sent], facility="64001", created="20260103", version=version)
    (dossier,) = read_delivery(data).dossiers
    assert isinstance(dossier, Dossier)
    built = columns.build([versioned(dossier)])
    for dataset, table in built.items():
        assert table.schema == catalogue()[dataset].arrow_schema()
        table.validate(full=True)
    lake = {name: built[columns.dataset_of(name)] for name in sent}
    restored = columns.restore(columns.vault_payload(dossier), lake, version)
    wire = {
        name: [{_wire(version, name, field): text for field, text in row.items()} for row in rows]
        for name, rows in sent.items()
    }
    assert restored == wire
    assert columns.restore(columns.vault_payload(dossier), lake) == sent


def _wire(version: str, table: str, field: str) -> str:
    return wire_names(table, version).get(field, field)


def test_no_text_of_a_vault_field_is_in_the_lake() -> None:
    sent = make_tables("3176", tables=tables_of("3176"))
    (dossier,) = read_delivery(write_delivery([sent], facility="64001", created="20260103", version="3176")).dossiers
    assert isinstance(dossier, Dossier)
    for name, rows in sent.items():
        table = columns.build([versioned(dossier)])[columns.dataset_of(name)]
        for field in catalogue()[columns.dataset_of(name)].vault_fields:
            received = [row.get(field.name) for row in rows]
            expected = ["*" if text else text for text in received]
            assert table.column(field.name).to_pylist() == expected


def test_content_is_one_for_all_dresses_and_another_for_another_text() -> None:
    sent = make_tables("4750")
    contents = set()
    for style in STYLES.values():
        data = write_delivery([sent], facility="64001", created="20240520", version="4750", style=style)
        (dossier,) = read_delivery(data).dossiers
        assert isinstance(dossier, Dossier)
        contents.add(dossier.content)
    assert len(contents) == 1
    sent["XML3"][1]["SO_LUONG"] += "1"
    (other,) = read_delivery(write_delivery([sent], facility="64001", created="20240520", version="4750")).dossiers
    assert isinstance(other, Dossier)
    assert other.content not in contents
