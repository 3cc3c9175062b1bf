"""Commands about the master key: how it stands, a new one, an old one given up, and its two envelopes."""

from __future__ import annotations

from pathlib import Path

import click

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console, number
from bienho.config import combine_key, split_key
from bienho.pipeline import ask, open_app
from bienho.pipeline import keys as masters

STATES = {"active": "đang dùng", "old": "cũ, còn giữ", "retired": "đã bỏ"}
PROVIDERS = {"file": "tệp khóa", "kms": "dịch vụ khóa ngoài", "": None}


@click.group()
def keys() -> None:
    """Khóa chủ: xem, xoay, bỏ phiên bản cũ, chia hai phong bì (docs/keys.md)."""


@keys.command()
@JSON
@click.pass_obj
def status(home: Path | None, json_: bool) -> None:
    """Các phiên bản khóa chủ và số khóa dữ liệu dưới mỗi phiên bản."""
    with open_app(home) as app:
        ask.permit(app, "manage", "keys")
        found = masters.status(app)
    if json_:
        as_json([one.as_dict() for one in found])
        return
    rows = [
        (
            one.version, STATES[one.state], PROVIDERS[one.provider], f"{one.made_at:%d/%m/%Y %H:%M}",
            f"{one.retired_at:%d/%m/%Y %H:%M}" if one.retired_at else None, number(one.wrapped),
        )
        for one in found
    ]  # fmt: skip
    as_table(("Phiên bản", "Tình trạng", "Nơi giữ", "Tạo lúc", "Bỏ lúc", "Khóa dữ liệu"), rows)


@keys.command()
@JSON
@click.pass_obj
def rotate(home: Path | None, json_: bool) -> None:
    """Tạo khóa chủ mới và chuyển mọi khóa dữ liệu sang; kho vẫn chạy. Bị ngắt thì chạy lại để làm nốt."""
    with open_app(home) as app:
        version, moved = masters.rotate(app, ask.caller(app))
    if json_:
        as_json({"version": version, "moved": moved})
    else:
        console.print(f"Đang dùng phiên bản khóa {version}; đã chuyển {number(moved)} khóa dữ liệu.")
        console.print("Việc cần làm: chia khóa mới vào hai phong bì (`bienho keys split`), rồi bỏ phiên bản cũ.")


@keys.command()
@click.argument("version", type=click.IntRange(1))
@JSON
@click.pass_obj
def retire(home: Path | None, version: int, json_: bool) -> None:
    """Bỏ hẳn một phiên bản khóa cũ; bị từ chối khi còn khóa dữ liệu nằm dưới nó."""
    with open_app(home) as app:
        masters.retire(app, ask.caller(app), version)
    if json_:
        as_json({"retired": version})
    else:
        console.print(f"Đã bỏ phiên bản khóa {version}.")
        console.print("Giữ hai phong bì của nó đến khi bản sao lưu cuối cùng cần nó hết hạn.")


@keys.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.pass_obj
def split(home: Path | None, first: Path, second: Path) -> None:
    """Chia tệp khóa đang dùng thành hai phong bì cho hai cán bộ; một phong bì không nói lên điều gì."""
    with open_app(home) as app:
        ask.permit(app, "manage", "keys:split")
        check = split_key(app.home, first, second)
        masters.note_split(app)
    console.print(f"Đã ghi hai phong bì. Mã đối chiếu: {check}. Mỗi người cất một tệp, ở hai nơi khác nhau.")


@keys.command()
@click.argument("first", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("second", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=click.Path(path_type=Path))
def combine(first: Path, second: Path, target: Path) -> None:
    """Ghép hai phong bì lại thành tệp khóa."""
    version, check = combine_key(first, second, target)
    console.print(f"Đã ghi tệp khóa phiên bản {version} vào {target}. Mã đối chiếu: {check}.")
