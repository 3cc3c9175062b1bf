"""Commands about data: ingest, findings, dossier, quarantine, sql, codes."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from bienho.cli.output import as_csv, as_json, as_records, as_table, console, number
from bienho.core.ids import delivery_id, delivery_seq
from bienho.pipeline import ask, jobs, open_app
from bienho.pipeline.replay import replay as replay_deliveries
from bienho.pipeline.report import IngestReport
from bienho.pipeline.worker.through import ingest as ingest_files
from bienho.quality.expiry import LOCAL
from bienho.terminology import KINDS, OPEN_START, TRUST_ANCHORS

JSON = click.option("--json", "json_", is_flag=True, help="In JSON cho máy đọc.")
AS_OF = click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Tính hạn cách ly theo ngày này; mặc định hôm nay."
)
PURPOSE = click.option("--purpose", default="van-hanh", show_default=True, help="Mục đích truy cập.")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--facility", help="Mã cơ sở mà bên gửi khai; khác MACSKCB trong tệp thì ghi một phát hiện.")
@JSON
@click.pass_obj
def ingest(home: Path | None, paths: tuple[str, ...], facility: str | None, json_: bool) -> None:
    """Nhận tệp hoặc thư mục hồ sơ."""
    columns = (TextColumn("Nhận dữ liệu"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with open_app(home) as app, Progress(*columns, console=console, transient=True, disable=json_) as bar:
        ask.permit(app, "ingest", "files")
        task = bar.add_task("ingest", total=None)
        report = ingest_files(
            app, paths, facility=facility, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    if json_:
        as_json(report.as_dict())
    else:
        _print_report(report)


def _print_report(report: IngestReport) -> None:
    console.print(
        f"{number(report.dossiers)} hồ sơ: {number(report.accepted)} nhận, "
        f"{number(report.accepted_with_findings)} nhận có phát hiện, {number(report.quarantined)} cách ly, "
        f"{number(report.duplicates)} trùng. Thay {number(report.superseded)} phiên bản cũ; "
        f"từ chối {number(report.refused)} tệp; {number(report.findings)} phát hiện."
    )
    as_table(("Bảng", "Số dòng"), [(name, number(count)) for name, count in report.as_dict()["rows"].items()])
    bad = [entry for entry in report.deliveries if entry.outcome in ("quarantined", "refused")]
    if bad:
        rows = [(entry.id, entry.path, entry.outcome, entry.reason, entry.message) for entry in bad[:50]]
        as_table(("Lần nhận", "Tệp", "Kết quả", "Lý do", "Cụ thể"), rows, title=f"{number(len(bad))} tệp cần xem lại")
        console.print("Việc cần làm: xem `bienho quarantine list`, báo cơ sở gửi lại hoặc sửa rồi `quarantine replay`.")


@click.command()
@click.option("--delivery", help="Chỉ một lần nhận, ví dụ D000000000001.")
@click.option("--facility", help="Chỉ một cơ sở.")
@PURPOSE
@JSON
@click.pass_obj
def findings(home: Path | None, delivery: str | None, facility: str | None, purpose: str, json_: bool) -> None:
    """Những gì sai trong hồ sơ đã nhận, và ai phải sửa."""
    seq = delivery_seq(delivery) if delivery else None
    with open_app(home) as app:
        rows = ask.findings(app, purpose, seq=seq, facility=facility)
    if json_:
        as_json(rows)
        return
    columns = ("severity", "code", "delivery", "facility", "table", "row", "field", "owner", "message")
    as_table(columns, [[row[name] for name in columns] for row in rows])
    console.print(f"{number(len(rows))} phát hiện.")


@click.command()
@click.argument("facility")
@click.argument("ma_lk")
@click.option("--with-identifiers", is_flag=True, help="Kèm định danh từ két; cần quyền và mục đích.")
@click.option("--purpose", default="tra-cuu-ho-so", show_default=True, help="Mục đích truy cập.")
@JSON
@click.pass_obj
def dossier(home: Path | None, facility: str, ma_lk: str, with_identifiers: bool, purpose: str, json_: bool) -> None:
    """Một hồ sơ như đã nhận: các phiên bản, các bảng, các trường."""
    with open_app(home) as app:
        found = ask.dossier(app, purpose, facility, ma_lk, with_identifiers=with_identifiers)
    if json_:
        as_json(found)
        return
    console.print(f"{found['versions']} phiên bản; hiện hành: {found['delivery']} ({found['format_version']})")
    for table, rows in found["tables"].items():
        for place, row in enumerate(rows, 1):
            as_table(("Trường", "Giá trị"), row.items(), title=f"{table} dòng {place}")


class PastState(click.ParamType):
    """A day, which means its end in Vietnam, or the number of a snapshot."""

    name = "ngày|số"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | datetime:
        text = str(value)
        if text.isascii() and text.isdigit():
            return int(text)
        try:
            return datetime.combine(date.fromisoformat(text), time.max, LOCAL)
        except ValueError:
            self.fail(f"{text!r}: ghi ngày dạng 2026-11-18 hoặc số của ảnh chụp.", param, ctx)


def _day(given: datetime | None) -> date:
    """The day asked about; today in Vietnam when none was given."""
    return (given or datetime.now(LOCAL)).date()


@click.group()
def quarantine() -> None:
    """Hồ sơ để riêng vì không đọc được."""


@quarantine.command("list")
@click.option("--facility", help="Chỉ một cơ sở.")
@click.option("--expired", is_flag=True, help="Kể cả những mục đã hết hạn.")
@AS_OF
@PURPOSE
@JSON
@click.pass_obj
def quarantine_list(
    home: Path | None, facility: str | None, expired: bool, as_of: datetime | None, purpose: str, json_: bool
) -> None:
    """Liệt kê những gì đang cách ly."""
    with open_app(home) as app:
        rows = ask.quarantine(app, purpose, as_of=_day(as_of), facility=facility)
    shown = [row for row in rows if expired or not row["expired"]]
    if json_:
        as_json(shown)
        return
    columns = ("delivery", "hoso", "facility", "code", "message", "expires")
    as_table(columns, [[row[name] for name in columns] for row in shown])
    closed = sum(row["expired"] for row in rows)
    console.print(f"{number(len(rows) - closed)} mục chờ xử lý, {number(closed)} mục đã hết hạn.")
    console.print("Sửa xong: bienho quarantine replay [MÃ LẦN NHẬN]")


@quarantine.command("refused")
@JSON
@click.pass_obj
def quarantine_refused(home: Path | None, json_: bool) -> None:
    """Những lần gửi bị từ chối ở cửa: không có biên nhận, không giữ tệp."""
    with open_app(home) as app:
        rows = ask.refused(app)
    if json_:
        as_json(rows)
        return
    columns = ("at", "source", "sender", "code", "message", "bytes", "times")
    as_table(columns, [[row[name] for name in columns] for row in rows])
    console.print(f"{number(len(rows))} lần từ chối. Cơ sở gửi sửa theo lý do rồi gửi lại.")


@quarantine.command("show")
@click.argument("delivery")
@click.option("--bytes", "raw", is_flag=True, help="In nguyên văn tệp đã nhận; cần quyền xem định danh.")
@click.option("--purpose", default="tra-cuu-ho-so", show_default=True, help="Mục đích truy cập.")
@JSON
@click.pass_obj
def quarantine_show(home: Path | None, delivery: str, raw: bool, purpose: str, json_: bool) -> None:
    """Một lần nhận trong cách ly: lý do, phát hiện, và nếu được phép thì nguyên văn."""
    seq = delivery_seq(delivery)
    with open_app(home) as app:
        if raw:
            click.get_binary_stream("stdout").write(ask.received_bytes(app, purpose, seq))
            return
        found: dict[str, Any] = {
            "delivery": delivery_id(seq),
            "quarantine": ask.quarantine(app, "van-hanh", as_of=_day(None), seq=seq),
            "findings": ask.findings(app, "van-hanh", seq=seq),
        }
    if json_:
        as_json(found)
        return
    for row in found["quarantine"]:
        console.print(f"HOSO {row['hoso'] or 'toàn bộ tệp'}: [{row['code']}] {row['message']}")
    for row in found["findings"]:
        console.print(f"- [{row['code']}] {row['message']}")
    if not found["quarantine"]:
        console.print(f"Lần nhận {found['delivery']} không có gì trong cách ly. Xem bienho quarantine list.")


@quarantine.command("replay")
@click.argument("deliveries", nargs=-1)
@JSON
@click.pass_obj
def quarantine_replay(home: Path | None, deliveries: tuple[str, ...], json_: bool) -> None:
    """Đọc lại những lần nhận đang cách ly (tất cả nếu không nêu mã)."""
    with open_app(home) as app:
        ask.permit(app, "replay", "quarantine")
        report = replay_deliveries(app, [delivery_seq(name) for name in deliveries])
    if json_:
        as_json(report.as_dict())
    else:
        _print_report(report)


@click.command()
@click.argument("query")
@click.option("--as-of", type=PastState(), help="Đọc kho như lúc cuối ngày này (2026-11-18), hay ở ảnh chụp số này.")
@click.option("--with-identifiers", is_flag=True, help="Kèm định danh từ két; cần quyền và mục đích.")
@click.option("--csv", "csv_", is_flag=True, help="In CSV cho máy: đúng từng giá trị, đừng mở thẳng bằng bảng tính.")
@click.option("--purpose", help="Mục đích truy cập; mặc định van-hanh, có --with-identifiers thì tra-cuu-ho-so.")
@JSON
@click.pass_obj
def sql(
    home: Path | None,
    query: str,
    as_of: int | datetime | None,
    with_identifiers: bool,
    csv_: bool,
    purpose: str | None,
    json_: bool,
) -> None:
    """Một câu SELECT trên standard, conformed, quality, derived, reference, qua cổng kiểm soát."""
    purpose = purpose or ("tra-cuu-ho-so" if with_identifiers else "van-hanh")
    with open_app(home) as app:
        table: pa.Table = ask.query(app, purpose, query, at=as_of, with_identifiers=with_identifiers)
    if json_:
        as_json(as_records(table))
    elif csv_:
        as_csv(table)
    else:
        as_table(table.column_names, (row.values() for row in table.to_pylist()))


@click.group()
def codes() -> None:
    """Danh mục mã."""


@codes.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--edition", help="Tên bản danh mục, ví dụ QD4469-2020; không cần cho trust-anchors.")
@click.option(
    "--valid-from",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Ngày có hiệu lực; với trust-anchors, không nêu là có hiệu lực cho mọi lần nhận.",
)
@JSON
@click.pass_obj
def codes_import(home: Path | None, kind: str, path: Path, edition: str | None, valid_from: Any, json_: bool) -> None:
    """Nhập một bản danh mục; bản này thành một lần nhận như mọi dữ liệu khác."""
    if kind != TRUST_ANCHORS and not (edition and valid_from):
        raise click.UsageError("Danh mục này cần --edition và --valid-from.")
    edition, start = edition or kind, valid_from.date() if valid_from else OPEN_START
    with open_app(home) as app:
        ask.permit(app, "import-codes", kind)
        result = jobs.import_codes(app, kind, path, edition, start)
    if json_:
        as_json(result)
    else:
        console.print(f"Đã nhập {number(result['rows'])} mã của {kind}, bản {edition} ({result['delivery']}).")
