"""Check-ins, assessments and archives on pages: told as what they are, not as visits with something missing."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bienho.portal.presenters import catalogue as datasets
from bienho.portal.presenters import deliveries, dossier, findings, signatures

MOMENT = datetime(2026, 3, 2, 8, tzinfo=UTC)


def desk(rows: list[dict[str, Any]] | None = None) -> Any:
    return SimpleNamespace(
        now=MOMENT,
        facility_name=lambda code: f"Cơ sở {code}",
        rows=lambda *_args, **_named: rows or [],
        profile=SimpleNamespace(units=[]),
    )


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (None, "tệp loại này không khai số hồ sơ"),
        ("", "tệp loại này không khai số hồ sơ"),
        ("2", "khớp nhau"),
        ("3", "không khớp"),
    ],
)
def test_a_file_that_states_no_number_disagrees_with_none(declared: str | None, said: str) -> None:
    row = dict.fromkeys(deliveries.COLUMNS)
    row |= {
        "delivery_id": "D000000000001",
        "received_at": MOMENT,
        "bytes": 1,
        "hoso_found": 2,
        "hoso_declared": declared,
    }
    facts = {fact.name: fact for fact in deliveries.receipt(desk(), row).items}
    assert facts["Số hồ sơ khai và thấy"].note.startswith(said)


@pytest.mark.parametrize(
    ("document", "said"),
    [("visit", "không đọc được ngày"), ("check_in", "chỉ số đếm lượt khám"), ("assessment", "chỉ số đếm lượt khám")],
)
def test_why_a_dossier_is_in_no_number(document: str, said: str) -> None:
    counts = dict.fromkeys((*dossier.SOURCE, *dossier.CONFORMED), 0)
    row = {
        "document": document,
        "delivery_id": "D000000000001",
        "received_at": MOMENT,
        "hoso": 1,
        "dossier_key": "0" * 32,
    }
    last = dossier.trail(dossier.Dossier(row, None, counts, None, False, ""), "goc").steps[-1]
    assert last.text.startswith(said)


def test_an_archive_tells_once_what_its_files_share() -> None:
    base = dict.fromkeys(findings.NEEDS)
    rows = [
        base | {"code": code, "severity": "warning", "owner": "facility", "message": f"Tệp thứ {n}"}
        for n, code in enumerate(["SIG-ABSENT", "IN-HOSO-COUNT", "SIG-ABSENT", "SIG-ABSENT"], start=1)
    ]
    items = findings.of_delivery(desk(rows), "D000000000001").items
    assert [(item.code, item.message) for item in items] == [
        ("SIG-ABSENT", "Tệp thứ 1"),
        ("IN-HOSO-COUNT", "Tệp thứ 2"),
    ]
    assert items[0].where.startswith("3 ")
    assert items[1].where == "cả lần nhận"


def test_an_archive_tells_every_signer_apart() -> None:
    base = dict.fromkeys(signatures.COLUMNS)
    marks = [("valid", "a"), ("absent", None), ("valid", "b"), ("absent", None), ("valid", "a")]
    rows = [
        base | {"member": n, "status": status, "fingerprint": mark, "signer": f"Đơn vị {mark}"}
        for n, (status, mark) in enumerate(marks, start=1)
    ]
    facts = signatures.of_delivery(desk(rows), "D000000000001").items
    assert [fact.value for fact in facts if not fact.badge] == ["Đơn vị a", "Đơn vị b"]
    assert sum(bool(fact.badge) for fact in facts) == 3


def test_datasets_stand_in_the_order_of_their_numbers() -> None:
    names = [str(row["ten"].note) for row in datasets.datasets(desk(), "").rows]
    tables = [name for name in names if name.startswith("standard.xml130_") and name[-1].isdigit()]
    assert tables == [f"standard.xml130_{n}" for n in range(16)]
