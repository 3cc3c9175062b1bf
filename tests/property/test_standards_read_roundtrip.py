"""Random dossiers: lake and vault together hold what was received; the quick ways equal the patient ones."""

from __future__ import annotations

import base64
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from bienho.config.limits import DEFAULT
from bienho.standards.xml130 import TABLES, Dossier, columns, read_checks, read_delivery, read_plain, read_rows
from bienho.standards.xml130.versions import contract_of, renamed, wire_of
from support.examples import some
from support.xml130_samples import versioned

BLANKS = ["", " ", "\n\t", "\u00a0\u2003"]
TEXT = st.one_of(
    st.sampled_from(
        [*BLANKS, "*", "20260102", "202601020930", "1.5", "0912345678", "A;B", "Nguyễn Văn Á", "GD4010000000000"]
    ),
    st.text(
        st.characters(
            codec="utf-8",
            exclude_categories=["Cs", "Cc", "Cn"],
            include_characters="\n\t",
            exclude_characters="\ufffe\uffff",
        ),
        max_size=12,
    ),
)


@st.composite
def elements(draw: st.DrawFn, table: str) -> list[tuple[str, str]]:
    """(element name, text) of one row: official, old, lower-case, doubled and unknown names in any order."""
    names = [field.name for field in contract_of(table).official_fields]
    pool = st.one_of(
        st.sampled_from(names),
        st.sampled_from(names).map(str.lower),
        st.sampled_from(sorted(renamed(table)) or names),
        st.sampled_from(["TEN_LA", "X1"]),
    )
    chosen = draw(st.lists(st.tuples(pool, TEXT), max_size=12))
    first = ("MA_LK", "K-1") if "MA_LK" in names else (names[0], "x")
    return [first, *[pair for pair in chosen if table != "XML1" or pair[0].upper() != "MA_LK"]]


@st.composite
def dossiers(draw: st.DrawFn) -> dict[str, list[list[tuple[str, str]]]]:
    tables = {"XML1": [draw(elements("XML1"))]}
    for table in draw(st.lists(st.sampled_from(TABLES[1:]), max_size=5, unique=True)):
        rows = draw(st.lists(elements(table), max_size=1 if wire_of(table).single else 3))
        if rows:
            tables[table] = rows
    return tables


def envelope(tables: dict[str, list[list[tuple[str, str]]]]) -> bytes:
    files = []
    for table, rows in tables.items():
        bodies = ["".join(f"<{name}>{escape(text)}</{name}>" for name, text in row) for row in rows]
        tag = wire_of(table).row
        body = f"<D>{bodies[0]}</D>" if tag is None else f"<D>{''.join(f'<{tag}>{b}</{tag}>' for b in bodies)}</D>"
        content = base64.b64encode(body.encode()).decode()
        files.append(f"<FILEHOSO><LOAIHOSO>{table}</LOAIHOSO><NOIDUNGFILE>{content}</NOIDUNGFILE></FILEHOSO>")
    return (
        "<GIAMDINHHS><MACSKCB>64001</MACSKCB><SOLUONGHOSO>1</SOLUONGHOSO>"
        f"<DANHSACHHOSO><HOSO>{''.join(files)}</HOSO></DANHSACHHOSO></GIAMDINHHS>"
    ).encode()


@settings(max_examples=some(40), deadline=None)
@given(dossiers())
def test_lake_and_vault_give_back_what_was_received(sent: dict[str, list[list[tuple[str, str]]]]) -> None:
    (dossier,) = read_delivery(envelope(sent)).dossiers
    assert isinstance(dossier, Dossier)
    for table, rows in sent.items():
        # no text is lost or changed, whatever its element was called
        assert [sorted(row.values()) for row in dossier.tables[table]] == [
            sorted(text for _, text in row) for row in rows
        ]
    built = columns.build([versioned(dossier)])
    lake = {table: built[columns.dataset_of(table)] for table in TABLES}
    assert columns.restore(columns.vault_payload(dossier), lake) == dossier.tables


@settings(max_examples=some(40), deadline=None)
@given(dossiers())
def test_nothing_of_the_vault_or_of_a_foreign_shape_stays_in_the_lake(
    sent: dict[str, list[list[tuple[str, str]]]],
) -> None:
    (dossier,) = read_delivery(envelope(sent)).dossiers
    assert isinstance(dossier, Dossier)
    built = columns.build([versioned(dossier)])
    for table in sent:
        rows = built[columns.dataset_of(table)].to_pylist()
        for field in contract_of(table).official_fields:
            for row in rows:
                text = row[field.name]
                if field.in_vault:
                    assert (text or "").strip() in ("", "*")
                elif text:
                    assert not read_checks.foreign(field.shape, text)


@settings(max_examples=some(150), deadline=None)
@given(st.sampled_from(TABLES), st.data())
def test_the_common_way_reads_what_the_patient_way_reads(table: str, data: st.DataObject) -> None:
    single = wire_of(table).single
    rows = [data.draw(elements(table)) for _ in range(1 if single else 2)]
    tag = wire_of(table).row or "D"
    bodies = [f"<{tag}>{''.join(f'<{n}>{escape(t)}</{n}>' for n, t in row)}</{tag}>" for row in rows]
    root = etree.fromstring(bodies[0] if single else f"<D>{''.join(bodies)}</D>")
    common = read_rows._common(table, root, DEFAULT)
    if common is not None:
        patient = read_rows._patient(table, root, DEFAULT)
        assert (common.rows, common.names) == (patient.rows, patient.names)


@settings(max_examples=some(200), deadline=None)
@given(st.sampled_from(TABLES), st.sampled_from(["4210", "130", "4750", "3176"]), st.data())
def test_the_quick_check_never_passes_a_faulty_row(table: str, edition: str, data: st.DataObject) -> None:
    check = read_checks._compile(table, edition, frozenset())
    row = {name: data.draw(TEXT) for name in data.draw(st.lists(st.sampled_from(check.names), unique=True))}
    for name in check.required:
        row.setdefault(name, data.draw(TEXT))
    found: list = []
    cells: list = []
    read_checks._look(check, 1, row, found, cells)
    sound = check.sound.fullmatch(read_checks.SEPARATOR.join(row.get(name, "") for name in check.names))
    assert not (sound and (found or cells))


DRESS = st.sampled_from(
    [("", ""), ("\n  ", ""), ("\r\n\t", ""), (" ", "\n"), ("\u00a0", ""), ("", "x"), ("", "<!-- c -->")]
)
SCARS = st.sampled_from(
    [
        b"",
        b"<",
        b">",
        b"&",
        b"&amp;",
        b"&#13;",
        b"&#xA0;",
        b"&#0;",
        b"&#xD800;",
        b"&x;",
        b"]]>",
        b"\x00",
        b"\x0b",
        b"\xff",
        b"\xef\xbf\xbf",
        b"</MA_LK>",
        b" a='b'",
    ]
)


@settings(max_examples=some(200), deadline=None)
@given(st.sampled_from(TABLES), DRESS, st.booleans(), SCARS, st.data())
def test_the_plain_way_reads_what_the_parser_reads_and_nothing_else(
    table: str, dress: tuple[str, str], self_closed: bool, scar: bytes, data: st.DataObject
) -> None:
    gap, end = dress
    names = [field.name for field in contract_of(table).official_fields]
    case = data.draw(st.sampled_from([str, str.lower]))
    body = ""
    wire = wire_of(table)
    for _ in range(1 if wire.single else data.draw(st.integers(0, 7))):
        picked = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=5, unique=data.draw(st.booleans())))
        row = ""
        for name in map(case, picked):
            text = escape(data.draw(TEXT))
            row += gap + (f"<{name}/>" if self_closed and not text else f"<{name}>{text}</{name}>")
        body += f"{gap}<{wire.row}>{row}{gap}</{wire.row}>" if wire.row else row
    chains = [[wire.root, wire.rows], [wire.rows], []] if wire.rows else [[wire.root]]
    for wrapper in reversed(data.draw(st.sampled_from(chains))):
        body = f"{gap}<{wrapper}>{body}{gap}</{wrapper}>"
    raw = (body + end).encode()
    place = data.draw(st.integers(0, len(raw)))
    raw = raw[:place] + scar + raw[place:]
    # a sequence of names is learned at its second sighting
    plain = read_plain.read_plain(table, raw, DEFAULT) or read_plain.read_plain(table, raw, DEFAULT)
    if plain is not None:
        # without a wrapper it is the row of a bare table: a document of its own, or the parser refuses it
        root = etree.fromstring(raw.lstrip())
        parsed = read_rows._common(table, root, DEFAULT) or read_rows._patient(table, root, DEFAULT)
        assert plain == parsed
