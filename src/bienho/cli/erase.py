"""Commands that erase a person on a decision: one account asks, another confirms (docs/keys.md)."""

from __future__ import annotations

import re
from pathlib import Path

import click

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console, number
from bienho.core.errors import UsageError
from bienho.core.ids import delivery_seq
from bienho.pipeline import ask, erasure, open_app

STATES = {"asked": "chờ người thứ hai", "confirmed": "đang xóa dở", "done": "đã xóa"}
KEY = re.compile(r"[0-9a-f]{32}")


def _key(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for text in given:
        if not KEY.fullmatch(text):
            raise click.BadParameter("cần 32 chữ số hexa")
    return given


def _place(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    found = []
    for text in given:
        delivery, _bar, hoso = text.partition("/")
        try:
            found.append((delivery_seq(delivery), int(hoso)))
        except (ValueError, UsageError):
            raise click.BadParameter("cần dạng MÃ-LẦN-NHẬN/SỐ-HỒ-SƠ, ví dụ D000000000012/3") from None
    return tuple(found)


@click.group()
def erase() -> None:
    """Xóa một người khỏi kho theo quyết định: người quản trị đề nghị, cán bộ an toàn thông tin xác nhận."""


@erase.command("ask")
@click.option("--patient-key", "patients", multiple=True, callback=_key, help="Khóa người bệnh; lặp lại cho mỗi cơ sở.")
@click.option("--dossier", "dossiers", multiple=True, callback=_key, help="Khóa một hồ sơ của người đó.")
@click.option(
    "--place", "places", multiple=True, callback=_place, help="Chỗ trong kho gốc của hồ sơ không đọc được; 0 = cả tệp."
)
@click.option("--decision", required=True, help="Số quyết định hoặc văn bản, ví dụ 12/QĐ-SYT.")
@click.option("--article", required=True, help="Điều khoản pháp lý cho phép xóa.")
@click.option("--retention", required=True, help="Vì sao không còn phải lưu giữ: luật buộc giữ thì không xóa.")
@JSON
@click.pass_obj
def erase_ask(
    home: Path | None,
    patients: tuple[str, ...],
    dossiers: tuple[str, ...],
    places: tuple[tuple[int, int], ...],
    decision: str,
    article: str,
    retention: str,
    json_: bool,
) -> None:
    """Đề nghị xóa một người. Chưa xóa gì cho đến khi người thứ hai xác nhận."""
    with open_app(home) as app:
        asked = erasure.ask(
            app, ask.caller(app), decision=decision, article=article, retention=retention,
            patients=patients, dossiers=dossiers, places=places,
        )  # fmt: skip
    if json_:
        as_json(asked.as_dict())
    else:
        console.print(f"Đã ghi đề nghị {asked.erasure_id}: {number(len(asked.patients))} khóa người bệnh.")
        console.print(f"Người thứ hai xác nhận: bienho erase confirm {asked.erasure_id}")


@erase.command("confirm")
@click.argument("erasure_id")
@JSON
@click.pass_obj
def erase_confirm(home: Path | None, erasure_id: str, json_: bool) -> None:
    """Xác nhận đề nghị của người khác và xóa. Không lấy lại được."""
    with open_app(home) as app:
        done = erasure.confirm(app, ask.caller(app), erasure_id)
    if json_:
        as_json(done.as_dict())
    else:
        console.print(
            f"Đã xóa: {number(len(done.taken.patients))} khóa người bệnh, {number(len(done.taken.dossiers))} hồ sơ,"
            f" {number(len(done.taken.places))} chỗ trong kho gốc. Dấu: {done.digest}"
        )
        console.print("Việc cần làm: cất tệp .erasures cùng phong bì khóa; xoay rồi bỏ khóa chủ cũ (docs/keys.md).")


@erase.command("finish")
@JSON
@click.pass_obj
def erase_finish(home: Path | None, json_: bool) -> None:
    """Làm nốt lần xóa đã xác nhận mà bị ngắt giữa chừng; `bienho run` cũng làm việc này."""
    with open_app(home) as app:
        ask.permit(app, "run", "erase-finish")
        finished = erasure.finish(app)
    if json_:
        as_json([one.erasure_id for one in finished])
    else:
        console.print(f"Đã làm nốt {number(len(finished))} lần xóa.")


@erase.command("list")
@JSON
@click.pass_obj
def erase_list(home: Path | None, json_: bool) -> None:
    """Mọi lần đề nghị và lần xóa: quyết định nào, ai, khi nào, bao nhiêu. Không có tên người bệnh ở đây."""
    with open_app(home) as app:
        ask.permit(app, "audit", "erasures")
        found = erasure.register(app)
    if json_:
        as_json([{**one.as_dict(), "digest": one.digest} for one in found])
        return
    rows = [(one.erasure_id, STATES[one.state], one.decision, one.who) for one in found]
    as_table(("Mã", "Tình trạng", "Quyết định", "Đề nghị + xác nhận"), rows)
