"""The reason of a look is a code and a document's number; nothing else can be written in its place."""

from __future__ import annotations

import re

import pytest

from bienho.core.errors import UsageError
from bienho.governance import REASONS, reasons


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("123/SYT-NVY", "123/SYT-NVY"),
        (" 123/syt-nvy\n", "123/SYT-NVY"),
        ("45/2026/QĐ-UBND", "45/2026/QĐ-UBND"),
        ("7/GM-SYT.VP", "7/GM-SYT.VP"),
        ("12345/2026/BC-PC46-KSBT", "12345/2026/BC-PC46-KSBT"),
    ],
)
def test_numbers_of_documents(typed: str, kept: str) -> None:
    assert reasons.document_number(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "Nguyễn Văn An",
        "NGUYEN VAN AN",
        "Nguyen-Van-An",
        "052190001234",
        "052190/SYT",
        "1/SYT123456",
        "0912.345.678",
        "123 SYT",
        "9/",
        "١٢٣/SYT",
        "123/SYT-NVY của ông An",
        "1/" + "-".join(["SYTGIALA"] * 5),
    ],
)
def test_what_is_no_number_of_a_document_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(UsageError, match="USE-DOCUMENT") as refused:
        reasons.document_number(typed)
    assert typed not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("code", list(REASONS))
def test_what_is_written_is_what_is_recorded(code: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
    assert reasons.recorded(reasons.written(code, "123/syt-nvy")) == [f"reason:{code}", "document:123/SYT-NVY"]
    assert REASONS[code].title_vi != REASONS[code].title_en


def test_a_reason_that_needs_its_document_is_refused_without() -> None:
    needing = [code for code, reason in REASONS.items() if reason.needs_document]
    assert needing
    for code in needing:
        with pytest.raises(UsageError, match="USE-REASON"):
            reasons.written(code)
    with pytest.raises(UsageError, match="USE-REASON"):
        reasons.recorded("lý do tự viết")
    assert reasons.recorded("") == []
