"""SQL models: one plain SQL file per target table, with a header that says what it is and what it reads.

The header is a block of `-- key: value` comment lines at the top of the file:

    -- model: conformed.encounter
    -- key: version_id
    -- grain: one encounter per dossier version
    -- owner: so-y-te
    -- reads: standard.xml130_1, standard.xml130_dossier
    -- incremental_by: version_id
    -- concerns: conformed.condition (category3, left(icd10, 5)) in reference.notifiable (code)
    -- description: what the table is for

`concerns` may be left out. A version has a part in the model only where one of the expressions over its rows of the
first table is in the list: partitions that only other versions came into or went from stay as they are.

The body is one SELECT in DuckDB's dialect whose columns are those of the table's contract. What the header says it
reads is checked against what the SQL reads, so that the order of models and the lineage shown to people stay right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import sqlglot
from sqlglot import exp

from bienho.core.errors import ConfigError

HEADER_KEYS = ("model", "key", "grain", "owner", "reads", "incremental_by", "description")
OPTIONAL_KEYS = ("concerns",)
_HEADER_LINE = re.compile(r"--\s*(?P<key>[a-z_]+):\s*(?P<value>.*\S)\s*$")
_CONCERNS = re.compile(
    r"(?P<table>[a-z]+\.[a-z0-9_]+) \((?P<values>.+)\) in (?P<list>[a-z]+\.[a-z0-9_]+) \((?P<column>[a-z0-9_]+)\)"
)
_TABLE_NAME = re.compile(r"[a-z]+\.[a-z0-9_]+")
_INCREMENTAL = re.compile(r"version_id|full|partition\(\s*[a-z_]+(\s*,\s*[a-z_]+)*\s*\)")
# Results must not depend on when or in what order they are computed.
_CLOCKS = (
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.CurrentDatetime,
    exp.CurrentUser,
    exp.Rand,
    exp.Uuid,
    exp.AnyValue,
    exp.First,
    exp.Last,
)
_CLOCK_NAMES = {"now", "today", "get_current_timestamp", "arbitrary"}


@dataclass(frozen=True, slots=True)
class Concerns:
    """Versions with a part in a model: those with a row of `table` where one of `values` is in `list`.`column`."""

    table: str
    values: tuple[str, ...]
    list: str
    column: str

    @property
    def condition(self) -> str:
        """The same as SQL over the columns of `table`, where the list is bound to its name."""
        listed = f"(SELECT {self.column} FROM {self.list})"
        return " OR ".join(f"{value} IN {listed}" for value in self.values)


@dataclass(frozen=True, slots=True)
class Model:
    """One SQL model.

    `name` is the target table (`zone.table`); `key` its key columns; `reads` the tables it reads, sorted;
    `incremental_by` is `version_id`, `full` or `partition(a, b)`; `partition` holds the columns of the last form;
    `sql` is the SELECT without the header; `concerns` None where every version has a part in the model.
    """

    name: str
    key: tuple[str, ...]
    grain: str
    owner: str
    reads: tuple[str, ...]
    incremental_by: str
    description: str
    sql: str
    path: Path
    concerns: Concerns | None = None

    @property
    def zone(self) -> str:
        return self.name.split(".")[0]

    @property
    def table(self) -> str:
        return self.name.split(".")[1]

    @property
    def partition(self) -> tuple[str, ...]:
        """Columns that name the partition to recompute; empty unless `incremental_by` is `partition(…)`."""
        if not self.incremental_by.startswith("partition"):
            return ()
        return _split(self.incremental_by.removeprefix("partition").strip("( )"))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns the SELECT gives, in order."""
        return tuple(sqlglot.parse_one(self.sql, dialect="duckdb", into=exp.Select).named_selects)


def parse_model(text: str, path: Path, *, check: bool = True) -> Model:
    """A model from its text; ConfigError CFG-MODEL when header and SQL disagree or something is missing.

    Without `check` the SQL is not parsed: a test has done so for every model that ships, and commands start faster.
    """
    header, body = _split_header(text, path)
    model = Model(
        name=header["model"],
        key=_split(header["key"]),
        grain=header["grain"],
        owner=header["owner"],
        reads=tuple(sorted(_split(header["reads"]))),
        incremental_by=header["incremental_by"],
        description=header["description"],
        sql=body,
        path=path,
        concerns=_concerns(header["concerns"], path) if "concerns" in header else None,
    )
    if check:
        _check(model)
    return model


def load_models(folder: Path) -> tuple[Model, ...]:
    """Every `*.sql` of a folder, in an order in which each model comes after those it reads."""
    return order_models(
        parse_model(path.read_text(encoding="utf-8"), path, check=False) for path in sorted(folder.glob("*.sql"))
    )


def order_models(models: Iterable[Model]) -> tuple[Model, ...]:
    """Models so ordered that each comes after the ones it reads; among equals, by name."""
    by_name: dict[str, Model] = {}
    for model in sorted(models, key=lambda m: m.name):
        if model.name in by_name:
            raise ConfigError("CFG-MODEL", f"Hai mô hình cùng ghi bảng {model.name}.", hint=str(model.path))
        by_name[model.name] = model
    sorter = TopologicalSorter({m.name: [r for r in m.reads if r in by_name] for m in by_name.values()})
    ordered: list[Model] = []
    try:
        sorter.prepare()
    except CycleError as error:
        raise ConfigError("CFG-MODEL", f"Các mô hình đọc vòng lẫn nhau: {', '.join(error.args[1])}.") from error
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += [by_name[name] for name in ready]
        sorter.done(*ready)
    return tuple(ordered)


def tables_read(sql: str) -> tuple[str, ...]:
    """`zone.table` names a statement reads, sorted; names of its own common table expressions left out."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    return tuple(sorted({f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db}))


def _split_header(text: str, path: Path) -> tuple[dict[str, str], str]:
    header: dict[str, str] = {}
    lines = text.splitlines()
    end = 0
    for end, line in enumerate(lines):  # noqa: B007 - where the header ends is what we look for
        found = _HEADER_LINE.match(line)
        if not found or found["key"] not in (*HEADER_KEYS, *OPTIONAL_KEYS):
            break
        if found["key"] in header:
            raise _bad(path, f"dòng {found['key']} lặp lại")
        header[found["key"]] = found["value"]
    missing = [key for key in HEADER_KEYS if key not in header]
    if missing:
        raise _bad(path, f"thiếu {', '.join(missing)} ở đầu tệp")
    body = "\n".join(lines[end:]).strip().removesuffix(";")
    return header, body


def _concerns(text: str, path: Path) -> Concerns:
    found = _CONCERNS.fullmatch(text)
    if not found:
        raise _bad(path, f"concerns {text} không hợp lệ")
    # a comma inside brackets belongs to a call, not to the list of expressions
    values = tuple(value.strip() for value in re.split(r",(?![^(]*\))", found["values"]))
    return Concerns(found["table"], values, found["list"], found["column"])


def _check(model: Model) -> None:
    path = model.path
    if model.concerns and not ({model.concerns.table, model.concerns.list} <= set(model.reads) and model.partition):
        raise _bad(path, "concerns phải nói về bảng mà mô hình đọc, và mô hình phải tính theo phần")
    if not _TABLE_NAME.fullmatch(model.name):
        raise _bad(path, f"tên bảng {model.name} phải có dạng vùng.bảng")
    if not _INCREMENTAL.fullmatch(model.incremental_by):
        raise _bad(path, f"incremental_by {model.incremental_by} không hợp lệ")
    try:
        statements = sqlglot.parse(model.sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise _bad(path, f"câu lệnh không đọc được: {str(error).splitlines()[0]}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise _bad(path, "phải là đúng một câu SELECT")
    tree = statements[0]
    if tree.is_star or len(tree.named_selects) != len(set(tree.named_selects)) or "" in tree.named_selects:
        raise _bad(path, "mỗi cột phải có một tên riêng, không dùng dấu sao ở câu ngoài cùng")
    read = tables_read(model.sql)
    if read != model.reads:
        raise _bad(path, f"reads ghi {', '.join(model.reads)} nhưng câu lệnh đọc {', '.join(read)}")
    if model.name in read:
        raise _bad(path, "mô hình không được đọc chính bảng nó ghi")
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    strangers = {t.name for t in tree.find_all(exp.Table) if not t.db and t.name and t.name not in ctes}
    if strangers:
        raise _bad(path, f"bảng không có vùng: {', '.join(sorted(strangers))}")
    clocks = [type(n).__name__ for n in tree.find_all(*_CLOCKS)]
    clocks += [n.name.lower() for n in tree.find_all(exp.Anonymous) if n.name.lower() in _CLOCK_NAMES]
    if clocks:
        raise _bad(path, f"dùng hàm cho kết quả không lặp lại được: {', '.join(clocks)}")
    absent = [column for column in (*model.key, *model.partition) if column not in tree.named_selects]
    if absent:
        raise _bad(path, f"câu lệnh không có cột khóa {', '.join(absent)}")


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _bad(path: Path, what: str) -> ConfigError:
    return ConfigError("CFG-MODEL", f"Mô hình {path.name}: {what}.", hint="Sửa tệp SQL theo README của phòng.")


def check_columns(model: Model, expected: Sequence[str]) -> None:
    """ConfigError CFG-MODEL unless the model gives exactly the `expected` columns (in any order)."""
    given = set(model.columns)
    if given != set(expected):
        missing, extra = sorted(set(expected) - given), sorted(given - set(expected))
        raise _bad(model.path, f"thiếu cột {missing}, thừa cột {extra} so với hợp đồng dữ liệu")
