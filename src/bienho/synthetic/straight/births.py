"""Births: what the certificate of a newborn (XML9) says, for whole blocks, and its place in a payload.

A birth lends and borrows lines as every other visit does. What is of the children and not of the stay (who they are,
when they came, what they weigh) is known of the birth, and the stamp says it by the builder's formulas (papers.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bienho.contracts import VAULT_MARKER
from bienho.privacy import Blind, blind_entries
from bienho.synthetic.dossiers.papers import ID_ISSUED, ID_ISSUED_WITHIN

KINDS = ("birth", "twins")
MOST = 2
"""Children of one birth."""
_PARTS = ("names", "card", "book")
"""Texts of a payload that are a child's own: its name and the father's as they stand there, its card, the book of the
slip."""
SLOTS = MOST * len(_PARTS)
_BETWEEN = "\x1f"  # no text of a dossier holds it: XML cannot


def _said(field: str, text: str) -> str:
    """SQL for a field of a payload, nothing where the text is empty."""
    return f"CASE WHEN {text} = '' THEN '' ELSE '\"{field}\":\"' || {_escaped(text)} || '\",' END"


def _escaped(text: str) -> str:
    return f"replace(replace({text}, '\\', '\\\\'), '\"', '\\\"')"


OF_MOTHER = f"""strftime(p.birth, '%Y%m%d') AS birth_day,
    strftime(DATE '{ID_ISSUED}' + (p.person_no % {ID_ISSUED_WITHIN})::INTEGER, '%Y%m%d') AS issued"""
"""Columns of the people: what a certificate says of whoever gives birth."""
_CARD = """'TE1' || m.old_province || CASE WHEN c.insurance_id <> '' THEN c.insurance_id
            ELSE left(m.insurance_id, 2) || '8' || place || printf('%06d', m.person_no % 1000000) END"""
NEWBORN = f"""
SELECT * EXCLUDE (told), [c.named FOR c IN told] AS child_named, [c.sex FOR c IN told] AS child_sex,
    [c.weight FOR c IN told] AS child_weight, [c.born FOR c IN told] AS child_born,
    [{{'before': c.before, 'after': concat_ws(chr(31), '', c.name, c.born)}} FOR c IN told] AS newborn
FROM (
    SELECT delivery_no, count(*)::INTEGER AS children, any_value(weeks) < 32 AS early,
        any_value(birth_order)::VARCHAR AS birth_order, any_value(living)::VARCHAR AS living,
        any_value(father) <> '' AS father_named,
        list({{'named': b.name <> '', 'name': b.name, 'sex': CASE WHEN b.sex = 'F' THEN '2' ELSE '1' END,
            'weight': weight_g::VARCHAR, 'born': strftime(born, '%Y%m%d%H%M'),
            'before': concat_ws(chr(31), {_said("HO_TEN_CHA", "father")} || {_said("HO_TEN_CON", "b.name")}, {_CARD},
                strftime(born, '%Y/'))}} ORDER BY place) AS told
    FROM block_births AS b JOIN folk AS m ON m.person_no = b.mother_no
        LEFT JOIN block_people AS c ON c.person_no = b.child_no GROUP BY delivery_no
)
UNION ALL BY NAME SELECT -1 AS delivery_no"""
"""The births of a block, one row each: what is told of the children, in their order; and none (-1)."""
CLASS = ("children", "early")
"""What the builder looks at of a birth."""
OF_VISIT = """birth_order, living, father_named, child_named, child_sex, child_weight, child_born, birth_day, issued,
    CASE WHEN newborn IS NULL OR version = '4210' THEN ''
         ELSE birth_day || chr(31) || array_to_string(
             [c.before || printf('%02d', serial // 100 + 1) || c.after FOR c IN newborn], chr(31)) END AS newborn"""
"""Columns of the visits (KNOWN): what the columns below ask for, and `newborn`, of which a payload is made: the day the
mother was born, then of each child the `_PARTS`, its name and when it was born."""

_MARKED = f"CASE WHEN {{}} THEN '{VAULT_MARKER}' ELSE '' END"
XML9: Mapping[str, str] = {
    "NGAYSINH_NND": "v.birth_day",
    "MA_DANTOC_NND": "v.ethnic_code",
    "NGAYCAP_CCCD_NND": "v.issued",
    "HO_TEN_CHA": _MARKED.format("v.father_named"),
    "HO_TEN_CON": _MARKED.format("v.child_named[s.row_no]"),
    "GIOI_TINH_CON": "v.child_sex[s.row_no]",
    "LAN_SINH": "v.birth_order",
    "SO_CON_SONG": "v.living",
    "CAN_NANG_CON": "v.child_weight[s.row_no]",
    "NGAY_SINH_CON": "v.child_born[s.row_no]",
}
"""Field → SQL of its text, for `visits` (v) beside the stencils (s)."""
XML1: Mapping[str, str] = {"CAN_NANG_CON": "coalesce(array_to_string(v.child_weight, ';'), '')"}
NOT_MOVED = frozenset({"NGAYSINH_NND", "NGAYCAP_CCCD_NND", "NGAY_SINH_CON"})
"""Dates of the mother and of her children."""


@dataclass(frozen=True, slots=True)
class Newborn:
    """What OF_VISIT's `newborn` says of one child."""

    names: str
    card: str
    book: str
    name: str
    born: str

    @property
    def texts(self) -> tuple[str, ...]:
        """For its slots."""
        return self.names, self.card, self.book


def children(newborn: str) -> tuple[str, list[Newborn]]:
    """The day the mother was born, and the children; ValueError for more than a payload has places for."""
    day, *texts = newborn.split(_BETWEEN)
    told = [Newborn(*texts[start : start + 5]) for start in range(0, len(texts), 5)]
    if len(told) > MOST:
        raise ValueError(f"a birth of {len(told)} children")
    return day, told


def texts_of(told: Sequence[Newborn]) -> list[bytes]:
    """What goes into the slots of a birth."""
    return [text.encode() for child in told for text in child.texts]


def blind_of(mother: Mapping[str, str], day: str, told: Sequence[Newborn]) -> Iterator[tuple[str, str]]:
    """By what the persons of a certificate may be looked up, in the order of an ingest; `mother`: name, personal_id,
    card, number."""
    found = blind_entries(
        name=mother["name"], birth=day, personal_id=mother["personal_id"], insurance_number=mother["card"]
    )
    yield from found
    yield "insurance_number", mother["number"]
    for child in told:
        yield from blind_entries(name=child.name, birth=child.born, insurance_number=child.card)


def with_newborn(person: Blind, mother: Mapping[str, str], newborn: str) -> tuple[Blind, list[bytes]]:
    """The blind entries of a birth, those of the patient among them, and the texts of its slots."""
    day, told = children(newborn)
    return tuple(dict.fromkeys((*person, *blind_of(mother, day, told)))), texts_of(told)


class Slip:
    """Puts tokens into the certificates of one stencil; `first`: the letter of the first slot."""

    def __init__(self, newborn: str, first: int) -> None:
        _, self._told = children(newborn)
        self._first = first

    def freed(self, row: Mapping[str, str], made: dict[str, str]) -> dict[str, str]:
        """`made` of a row of XML9 with tokens for what is the child's; ValueError where it says otherwise."""
        place = next((n for n, child in enumerate(self._told) if child.card == row["MA_THE_TAM"]), None)
        if place is None:
            raise ValueError("XML9.MA_THE_TAM of a stencil is not what the stamp makes of its birth")
        child = self._told[place]
        said = "".join(f'"{name}":"{row[name]}",' for name in ("HO_TEN_CHA", "HO_TEN_CON") if row.get(name))
        if (said, row["QUYEN_SO"]) != (child.names, child.book):
            raise ValueError("XML9 of a stencil is not what the stamp makes of its birth")
        names, card, book = (chr(self._first + place * len(_PARTS) + part) for part in range(len(_PARTS)))
        made.pop("HO_TEN_CON", None)
        return made | {"HO_TEN_CHA": names, "MA_THE_TAM": card, "QUYEN_SO": book}

    def close(self, text: str) -> str:
        """The JSON of a payload, the names of children standing as they are put in."""
        for place in range(len(self._told)):
            names = chr(self._first + place * len(_PARTS))
            text = text.replace(f'"HO_TEN_CHA":"{names}",', names)
        return text
