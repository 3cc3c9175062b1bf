"""The tables of a twin for this suite: the truth through SQL, the files through the house's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bienho.standards.xml130 import Dossier, read_received

# The one place that knows how the truth names its columns: table → file, (column, expression) of the truth of people
# without numbers; a truth that has the columns of the README is taken as it is.
_NO = "coalesce(try_cast(substr({}, 2) as bigint), -1)"
_OLDER = {
    "people": (
        "people",
        f"""{_NO.format("person_id")} as person_no, household_id as household_no, sex, birth_date as birth, name,
        commune_code as commune, {_NO.format("mother_id")} as mother_no, {_NO.format("father_id")} as father_no,
        case when mother_id is null then -1
             when row_number() over born = 1 then -1
             else {_NO.format("first_value(person_id) over born")} end as twin_of,
        since, until, died""",
        "window born as (partition by mother_id, birth_date order by person_id)",
    ),
    "moves": (
        "moves",
        f"{_NO.format('person_id')} as person_no, day, from_commune_code as from_commune, "
        "to_commune_code as to_commune",
        "",
    ),
    "visits": (
        "dossiers",
        f"{_NO.format('person_id')} as person_no, facility, ma_lk, visit_kind as kind, icd10 as condition",
        "where kind = 'first'",
    ),
    "births": (
        "births",
        f"facility, ma_lk, {_NO.format('mother_id')} as mother_no, {_NO.format('child_id')} as child_no, born",
        "",
    ),
}
_COLUMNS = {
    "people": (
        "person_no bigint, household_no bigint, sex varchar, birth date, name varchar, commune varchar, "
        "mother_no bigint, father_no bigint, twin_of bigint, since date, until date, died date"
    ),
    "moves": "person_no bigint, day date, from_commune varchar, to_commune varchar",
    "visits": "person_no bigint, facility varchar, ma_lk varchar, kind varchar, condition varchar",
    "births": "facility varchar, ma_lk varchar, mother_no bigint, child_no bigint, born timestamp",
    "immunisations": "person_no bigint, vaccine varchar, dose bigint, day date, facility varchar",
}
_MONEY = "T_NGUONKHAC T_BNTT T_BNCCT T_BHTT"
_FIELDS = {
    "XML1": (
        "HO_TEN NGAY_SINH GIOI_TINH MAHUYEN_CU_TRU MAXA_CU_TRU MA_THE_BHYT MA_BENH_CHINH MA_BENH_KT MA_NOI_DI "
        f"MA_NOI_DEN NGAY_VAO NGAY_RA NGAY_TTOAN MA_CSKCB T_THUOC T_VTYT T_TONGCHI_BV T_TONGCHI_BH {_MONEY}"
    ),
    "XML2": (
        f"STT MA_THUOC SO_LUONG DON_GIA THANH_TIEN_BV THANH_TIEN_BH MUC_HUONG {_MONEY} NGAY_YL NGAY_TH_YL"
    ),
    "XML3": (
        f"STT MA_DICH_VU MA_VAT_TU SO_LUONG DON_GIA_BV THANH_TIEN_BV THANH_TIEN_BH MUC_HUONG {_MONEY} MA_KHOA "
        "MA_GIUONG NGAY_YL NGAY_TH_YL NGAY_KQ"
    ),
    "XML4": "STT MA_DICH_VU NGAY_KQ",
    "XML5": "STT THOI_DIEM_DBLS",
    "XML13": "MA_CSKCB MA_CSKCB_DI MA_CSKCB_DEN",
}  # fmt: skip


def read(folder: Path) -> dict[str, pa.Table]:
    """Every table of the README, of a twin in `folder`."""
    return {name: _truth(folder / "truth", name) for name in _COLUMNS} | _standard(folder)


def _truth(folder: Path, name: str) -> pa.Table:
    columns = [column.split() for column in _COLUMNS[name].split(", ")]
    wanted = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in columns)
    file, older, rest = _OLDER.get(name, (name, "", ""))
    path = folder / f"{name}.parquet"
    if not path.exists():
        path = folder / f"{file}.parquet"
    with duckdb.connect() as connection:
        if not path.exists():
            none = ", ".join(f'null as "{column}"' for column, _ in columns)
            return connection.sql(f"select {wanted} from (select {none}) limit 0").fetch_arrow_table()
        source = f"read_parquet('{path}')"
        if older and not {column for column, _ in columns} <= set(connection.sql(f"from {source} limit 0").columns):
            # a truth from before people died and moved
            late = "select null::date as since, null::date as until, null::date as died where false"
            source = f"(select {older} from (from {source} union all by name {late}) {rest})"
        return connection.sql(f"select {wanted} from {source}").fetch_arrow_table()


def _standard(folder: Path) -> dict[str, pa.Table]:
    latest: dict[tuple[str, str], Dossier] = {}
    for path in sorted(one for one in folder.glob("*/*") if one.parent.name != "truth"):
        for item in read_received(path.read_bytes()).dossiers:
            if isinstance(item, Dossier) and item.document == "visit":
                latest[item.facility, item.ma_lk] = item
    tables = {}
    for table, names in _FIELDS.items():
        fields = names.split()
        columns: dict[str, list[Any]] = {name: [] for name in ("facility", "ma_lk", *fields)}
        for key in sorted(latest):
            for row in latest[key].tables.get(table, ()):
                columns["facility"].append(key[0])
                columns["ma_lk"].append(key[1])
                for name in fields:
                    columns[name].append(row.get(name) or None)
        tables[table.lower()] = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    return tables
