"""The look before the receipt: exact where it promises to be, silent on every sound file, and cheap."""

from __future__ import annotations

import base64
import random
import time

import pytest
from lxml import etree

from bienho.config.limits import Limits
from bienho.core.errors import LimitError
from bienho.standards.xml130 import claimed_facility, claimed_visits, scan
from bienho.standards.xml130.write import STYLES, Style, write_delivery
from support.hostile import around, good
from support.xml130_samples import make_tables

LIMITS = Limits()


def refused(data: bytes, limits: Limits = LIMITS) -> str | None:
    try:
        scan(data, limits)
    except LimitError as error:
        return error.code
    return None


@pytest.mark.parametrize("style", [Style(), Style(nested=True)], ids=["packed", "nested"])
def test_sound_files_pass(style: Style) -> None:
    sent = [make_tables("3176", seed=seed, ma_lk=f"LK-{seed}") for seed in range(1, 40)]
    data = write_delivery(sent, facility="64001", created="20260103", version="3176", style=style)
    for form in (data, data.replace(b"><", b">\r\n    <"), data.decode().encode("utf-16"), b"\xef\xbb\xbf" + data):
        assert refused(form) is None


def test_depth_is_judged_by_the_deepest_place_not_by_the_number_of_tags() -> None:
    for depth, code in ((40, None), (65, "LIM-DEPTH"), (10_000, "LIM-DEPTH"), (300_000, "LIM-DEPTH")):
        assert refused(b"<a>" * depth + b"</a>" * depth) == code, depth
    flat = around("", "<a><b/></a>" * 50_000)
    assert refused(flat) is None
    assert refused(around("", "<b/>" * 100_000)) is None
    wide = around("", ("<a>" * 50 + "</a>" * 50) * 500)
    assert refused(wide) is None


def test_a_file_that_came_as_base64_is_looked_at_as_what_it_holds() -> None:
    assert refused(base64.b64encode(good(1))) is None
    assert refused(base64.b64encode(b"<a>" * 10_000 + b"</a>" * 10_000)) == "LIM-DEPTH"


def test_tags_in_comments_cdata_and_instructions_are_no_tags() -> None:
    deep = "<a>" * 1000
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?x ", "?>")):
        assert refused(around("", f"{opening}{deep}{closing}")) is None
        assert refused(around("", f"{opening}{deep}")) is None
    assert refused(around("", "<!--" * 100_000)) is None
    for noise in (b"<" * 100_000, b"<>" * 100_000, b"<HOSO" * 20_000, b"</a>" * 100_000, b"<1>" * 100_000):
        assert refused(noise) is None


def test_a_run_of_text_is_measured_exactly() -> None:
    limits = Limits(outer_text_bytes=10_000)
    for size in (9_998, 9_999, 10_001, 25_000):
        for shift in (0, 1, 9_999, 12_345):
            data = b"<a>" + b"<b/>" * (shift // 4) + b" " * (shift % 4) + b"<c>" + b"x" * (size - 2) + b"</c>"
            assert (refused(data, limits) == "LIM-OUTER-TEXT") is (size > 10_000), (size, shift)


def test_hoso_beyond_the_limit_are_counted() -> None:
    for count, code in ((50_000, None), (50_001, "LIM-HOSO")):
        for one in (b"<HOSO/>", b"<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO></FILEHOSO></HOSO>"):
            assert refused(b"<GIAMDINHHS>" + one * count + b"</GIAMDINHHS>") == code


def test_a_refusal_says_what_was_found_what_is_allowed_and_who_mends_it() -> None:
    with pytest.raises(LimitError) as caught:
        scan(b"<GIAMDINHHS>" + b"<HOSO/>" * 60_000, LIMITS)
    assert caught.value.message == "Tệp có 60.000 hồ sơ; cho phép 50.000."
    assert (caught.value.who, caught.value.exit_code) == ("cơ sở gửi", 8)
    assert caught.value.hint


def test_a_walk_can_be_stopped_by_the_caller() -> None:
    def over() -> None:
        raise LimitError("LIM-TIME", "hết giờ")

    with pytest.raises(LimitError, match="LIM-TIME"):
        scan(around("", ("<a>" * 50 + "</a>" * 50) * 500), LIMITS, over)


def test_the_facility_a_file_claims_is_taken_only_in_its_form() -> None:
    assert claimed_facility(good(1)) == "64001"
    assert claimed_facility(good(1).replace(b"<MACSKCB>64001<", b"<MACSKCB>Nguyen Van A<")) is None
    assert claimed_facility(b" " * 5000 + good(1)) is None
    assert claimed_facility(random.Random(3).randbytes(9000)) is None


def test_the_look_costs_little_beside_a_bare_parse() -> None:
    """Both measured here, best of several; a file of 2 MB, packed as hospitals pack."""
    sent = [make_tables("3176", seed=seed, ma_lk=f"LK-{seed}") for seed in range(1, 60)]
    data = write_delivery(sent * 5, facility="64001", created="20260103", version="3176")
    assert len(data) > 1_000_000

    def best(work: object) -> float:
        times = []
        for _ in range(15):
            start = time.perf_counter()
            work(data)  # type: ignore[operator]
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(lambda one: scan(one, LIMITS)) < 0.05 * best(etree.fromstring)


@pytest.mark.parametrize("name", sorted(STYLES))
def test_visits_of_a_file_are_told_rightly_or_not_at_all(name: str) -> None:
    """Another dress may hide them; it must never make others of them."""
    told = [make_tables("3176", lines=1, seed=number, ma_lk=f"VISIT-{number}") for number in (1, 2)]
    data = write_delivery(told, facility="64001", created="20260103", version="3176", style=STYLES[name])
    found = claimed_visits(data, 10)
    assert found in ((), (b"VISIT-1", b"VISIT-2")), name
    if name == "canonical":
        assert found
        assert claimed_visits(data, 1) == ()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"<CHECK_IN><MA_LK> A-1 </MA_LK></CHECK_IN>", (b"bare:A-1",)),
        (b"<CHECK_IN><MA_LK><![CDATA[A-1]]></MA_LK></CHECK_IN>", (b"bare:A-1",)),
        (b"<X><MA_LK></MA_LK></X>", ()),
        (b"<HOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>" + b"A" * 80 + b"</NOIDUNGFILE></HOSO>", ()),
        (b"PK\x03\x04<MA_LK>A</MA_LK>", ()),
        (b"", ()),
    ],
)
def test_a_visit_is_read_only_where_it_is_plain(data: bytes, found: tuple[bytes, ...]) -> None:
    assert claimed_visits(data, 10) == found
