"""Types of the codes found in Vietnamese health records.

Each type is frozen and holds only a well-formed code; `parse` is lenient about how people write it and gives None for
anything else. No message carries the text, because a card or a personal number is a patient value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

Sex = Literal["male", "female"]


def _require(pattern: re.Pattern[str], text: str, kind: str) -> None:
    if not pattern.fullmatch(text):
        raise ValueError(f"not a well-formed {kind}")


@dataclass(frozen=True, slots=True, order=True)
class Icd10Code:
    """An ICD-10 code in dotted form (`A00.1`, `M01.00`, `J18`); `mark` is '†', '*' or ''.

    The Vietnamese list (Decision 4469/QĐ-BYT) has three to five characters; dossiers write them with or without the dot
    and with '+' for the dagger.
    """

    code: str
    mark: str = ""
    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z][0-9]{2}(\.[0-9]{1,2})?")
    LENIENT: ClassVar[re.Pattern[str]] = re.compile(r"([A-Z][0-9]{2})\.?([0-9]{0,2})([†*+]?)")

    def __post_init__(self) -> None:
        _require(self.PATTERN, self.code, "ICD-10 code")
        if self.mark not in ("", "†", "*"):
            raise ValueError("not a mark of ICD-10")

    @classmethod
    def parse(cls, text: str) -> Icd10Code | None:
        """The code in `text` whatever its case, blanks, dot or mark; None when it is not one."""
        found = cls.LENIENT.fullmatch(re.sub(r"\s", "", text).upper())
        if not found:
            return None
        category, rest, mark = found.groups()
        return cls(f"{category}.{rest}" if rest else category, "†" if mark == "+" else mark)

    @property
    def nodot(self) -> str:
        return self.code.replace(".", "")

    @property
    def category3(self) -> str:
        """The three-character category."""
        return self.code[:3]


@dataclass(frozen=True, slots=True)
class IcdChapter:
    """One of the 22 chapters; both ends of the category range belong to it."""

    chapter: str
    ordinal: int
    category_from: str
    category_to: str
    title_vi: str
    title_en: str

    def holds(self, code: Icd10Code) -> bool:
        return self.category_from <= code.category3 <= self.category_to


@dataclass(frozen=True, slots=True, order=True)
class FacilityCode:
    """A care facility's code of five characters (Decision 384/QĐ-BYT): province of issue, then three characters."""

    code: str
    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"[0-9]{2}[0-9A-Z]{3}")

    def __post_init__(self) -> None:
        _require(self.PATTERN, self.code, "facility code")

    @classmethod
    def parse(cls, text: str) -> FacilityCode | None:
        clean = text.strip().upper()
        return cls(clean) if cls.PATTERN.fullmatch(clean) else None

    @property
    def issuing_province(self) -> str:
        """Province code at the time of issue: facilities of former Gia Lai keep 64 after the merger."""
        return self.code[:2]


@dataclass(frozen=True, slots=True)
class InsuranceCard:
    """A health insurance card number of 15 characters: group (2 letters), benefit level 1–5, province, 10 digits.

    Cards printed since 2021 show the last ten only (the social insurance number), so people are matched on those.
    """

    number: str
    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z]{2}[1-5][0-9]{2}[0-9]{10}")

    def __post_init__(self) -> None:
        _require(self.PATTERN, self.number, "insurance card number")

    @classmethod
    def parse(cls, text: str) -> InsuranceCard | None:
        clean = re.sub(r"[\s.\-]", "", text).upper()
        return cls(clean) if cls.PATTERN.fullmatch(clean) else None

    @property
    def group(self) -> str:
        return self.number[:2]

    @property
    def benefit_level(self) -> int:
        return int(self.number[2])

    @property
    def province(self) -> str:
        return self.number[3:5]

    @property
    def social_number(self) -> str:
        """The last ten digits."""
        return self.number[5:]


@dataclass(frozen=True, slots=True)
class PersonalId:
    """A personal identification number of 12 digits (Decree 137/2015/NĐ-CP art. 13, Circular 59/2021/TT-BCA).

    Three digits of the place of birth registration, one of century and sex, two of the birth year, six random. There is
    no check digit. A mismatch with sex or year of birth is worth a warning and no more: records get corrected.
    """

    number: str
    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"[0-9]{12}")

    def __post_init__(self) -> None:
        _require(self.PATTERN, self.number, "personal identification number")

    @classmethod
    def parse(cls, text: str) -> PersonalId | None:
        clean = re.sub(r"[\s.\-]", "", text)
        return cls(clean) if cls.PATTERN.fullmatch(clean) else None

    @property
    def province(self) -> str:
        """Three digits: 001–096 a province (the 63 of the time of registration), else a country."""
        return self.number[:3]

    @property
    def sex(self) -> Sex:
        return "female" if int(self.number[3]) % 2 else "male"

    @property
    def birth_year(self) -> int:
        return 1900 + 100 * (int(self.number[3]) // 2) + int(self.number[4:6])

    def fits(self, sex: Sex | None, born: date | None) -> bool:
        """Whether the number agrees with what is known of the person; unknown agrees with everything."""
        return (sex is None or sex == self.sex) and (born is None or born.year == self.birth_year)
