"""Commands about papers: agreements, and emergencies opened and reviewed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import yaml

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console
from bienho.core.errors import UsageError
from bienho.governance import EMERGENCIES, Agreements, Emergencies
from bienho.governance.agreements import MOVES, STATES, Step, checked
from bienho.governance.agreements.register import LOCAL, standing_on
from bienho.governance.break_glass import VERDICTS
from bienho.pipeline import ask, open_app

FILE_MAX = 200_000


@click.group()
def agreement() -> None:
    """Thỏa thuận dùng và chia sẻ dữ liệu."""


@agreement.command("list")
@JSON
@click.pass_obj
def agreement_list(home: Path | None, json_: bool) -> None:
    """Mọi thỏa thuận và tình trạng hôm nay."""
    with open_app(home) as app:
        ask.permit(app, "agreement-read", "list")
        found = Agreements(app.database).all()
    if json_:
        as_json([_plain(step) for step in found])
        return
    rows = [
        (one.agreement.code, one.agreement.title_vi, STATES[_today(one)], one.agreement.starts, one.agreement.until)
        for one in found
    ]
    as_table(("Mã", "Tên", "Tình trạng", "Từ ngày", "Đến ngày"), rows)
    console.print("Trong Sở, mục đích dựa vào quy định nội bộ noi-bo-so-y-te, luôn có hiệu lực.")


@agreement.command("show")
@click.argument("code")
@JSON
@click.pass_obj
def agreement_show(home: Path | None, code: str, json_: bool) -> None:
    """Một thỏa thuận và lịch sử của nó."""
    with open_app(home) as app:
        ask.permit(app, "agreement-read", "show")
        steps = Agreements(app.database).history(code)
    if not steps:
        raise UsageError("USE-AGREEMENT-UNKNOWN", "Không có thỏa thuận này.", hint="Xem `bienho agreement list`.")
    if json_:
        as_json([_plain(step) for step in steps])
        return
    as_table(("Mục", "Nội dung"), steps[-1].agreement.as_dict().items(), title=STATES[_today(steps[-1])])
    rows = [(one.at, _title(one.move), STATES[one.state], one.by, one.document) for one in steps]
    as_table(("Lúc", "Bước", "Sau bước", "Ai", "Văn bản"), rows, title="Lịch sử")


@agreement.command("draft")
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def agreement_draft(home: Path | None, path: Path) -> None:
    """Soạn thỏa thuận mới, hoặc sửa dự thảo, từ một tệp YAML (mẫu trong docs/agreements.md)."""
    try:
        given = yaml.safe_load(path.read_bytes()[:FILE_MAX])
    except (yaml.YAMLError, UnicodeDecodeError):
        given = None
    if not isinstance(given, dict):
        raise UsageError("USE-AGREEMENT-FILE", "Tệp thỏa thuận không đọc được.", hint="Xem mẫu docs/agreements.md.")
    made = checked(given)
    with open_app(home) as app:
        actor = ask.permit(app, "agreement-draft", made.code)
        Agreements(app.database).draft(made, actor.account_id, datetime.now(UTC))
    console.print(f"Đã ghi dự thảo {made.code}. Bước sau: bienho agreement move {made.code} submit")


@agreement.command("move")
@click.argument("code")
@click.argument("move", type=click.Choice(sorted(MOVES)))
@click.option("--document", default="", help="Số văn bản, ví dụ 123/SYT-NVY.")
@click.pass_obj
def agreement_move(home: Path | None, code: str, move: str, document: str) -> None:
    """Chuyển thỏa thuận sang bước sau; ký cần hai người khác nhau."""
    with open_app(home) as app:
        actor = ask.permit(app, MOVES[move].action, f"{move}:{code[:40]}")
        step = Agreements(app.database).move(code, move, actor.account_id, datetime.now(UTC), document)
    waits = step.state in MOVES[move].sources
    console.print(f"Đã ghi bước; {'còn cần một người khác ký' if waits else STATES[step.state]}.")


@click.group()
def emergency() -> None:
    """Mở khẩn cấp định danh một hồ sơ, và xét lại sau đó."""


@emergency.command("open")
@click.argument("dossier_key")
@click.option("--reason", required=True, type=click.Choice(sorted(EMERGENCIES)))
@click.option("--document", default="", help="Số văn bản, nếu có.")
@click.option("--purpose", default="tra-cuu-ho-so", show_default=True, help="Mục đích truy cập.")
@JSON
@click.pass_obj
def emergency_open(home: Path | None, dossier_key: str, reason: str, document: str, purpose: str, json_: bool) -> None:
    """Mở khẩn cấp một hồ sơ trong 30 phút; người khác xét lại trong 3 ngày làm việc."""
    with open_app(home) as app:
        made = ask.break_glass(app, purpose, dossier_key, reason, document, datetime.now(UTC))
    if json_:
        as_json({"emergency": made.emergency_id, "until": made.until_at, "review_by": made.review_by})
    else:
        console.print(
            f"Mã mở khẩn cấp {made.emergency_id}, đến {made.until_at.astimezone(LOCAL):%H:%M}."
            f" Người khác xét lại trước hết ngày {made.review_by:%d/%m/%Y}."
        )


@emergency.command("list")
@JSON
@click.pass_obj
def emergency_list(home: Path | None, json_: bool) -> None:
    """Những lần mở khẩn cấp chờ xét lại."""
    with open_app(home) as app:
        ask.permit(app, "emergency-review", "list")
        found = Emergencies(app.database).waiting()
    columns = ("emergency", "account", "reason", "opened", "review_by")
    rows = [(one.emergency_id, one.account_id, one.reason, one.opened_at, one.review_by) for one in found]
    if json_:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        as_table(("Mã", "Tài khoản", "Lý do", "Mở lúc", "Xét trước hết ngày"), rows)


@emergency.command("review")
@click.argument("emergency_id")
@click.argument("verdict", type=click.Choice(sorted(VERDICTS)))
@click.pass_obj
def emergency_review(home: Path | None, emergency_id: str, verdict: str) -> None:
    """Kết luận về một lần mở khẩn cấp; người đã mở không tự xét."""
    with open_app(home) as app:
        actor = ask.permit(app, "emergency-review", verdict)
        Emergencies(app.database).review(actor, emergency_id, verdict, datetime.now(UTC))
    console.print(f"Đã ghi kết luận: {VERDICTS[verdict]}.")


def _today(step: Step) -> str:
    return standing_on(step, datetime.now(LOCAL).date())


def _title(move: str) -> str:
    return MOVES[move].title_vi if move in MOVES else "Soạn"


def _plain(step: Step) -> dict[str, object]:
    record = step.agreement.as_dict()
    return {"state": _today(step), "step": step.step, "move": step.move, "by": step.by, "at": step.at} | record
