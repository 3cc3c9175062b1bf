"""`bienho link`: persons out of a file of records on the user's own disk, for which no home is needed and nothing is
stored; and what changed of the persons of a home."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.csv as pc

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console, number
from bienho.core.errors import InputError, StorageError, UsageError
from bienho.linkage.batch import SEED, Linked
from bienho.linkage.batch import link as link_records
from bienho.linkage.evaluate import evaluate
from bienho.linkage.model import Weights
from bienho.pipeline import ask, open_app
from bienho.pipeline.reviewing import Reviews

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
OUT = click.Path(path_type=Path, dir_okay=False)
WEIGHTS = click.option(
    "--weights", "weights_file", type=FILE, help="Bộ trọng số đã huấn luyện; không có thì huấn luyện ngay."
)
SEED_OPTION = click.option("--seed", type=int, default=SEED, show_default=True, help="Hạt giống khi huấn luyện.")


@click.group()
def link() -> None:
    """Ghép bản ghi thành người: trên tệp của chính bạn, không gửi đi đâu; và những thay đổi người trong kho."""


@link.command("batch")
@click.option("--input", "input_", type=FILE, required=True, help="CSV các bản ghi, UTF-8, có dòng tiêu đề.")
@click.option("--out", type=OUT, required=True, help="CSV kết quả: record_id, person_id.")
@WEIGHTS
@click.option("--save-weights", type=OUT, help="Ghi bộ trọng số (không có dữ liệu của người nào) ra tệp này.")
@SEED_OPTION
@JSON
def link_batch(
    input_: Path, out: Path, weights_file: Path | None, save_weights: Path | None, seed: int, json_: bool
) -> None:
    """Ghép một tệp bản ghi: mỗi bản ghi thuộc về một người.

    Cột cần có: record_id, facility_code, patient_local_id, full_name, birth_date (yyyymmdd, có thể yyyy0000), sex,
    personal_id, insurance_no, phone, address_text, commune_code, province_code, ethnic_code, visit_date.
    """
    found = link_records(_read(input_), _weights(weights_file), seed=seed)
    _write(out, lambda path: pc.write_csv(found.persons, path))
    if save_weights:
        text = found.weights.to_json()
        _write(save_weights, lambda path: path.write_text(text, encoding="utf-8"))
    told = _told(found)
    if json_:
        as_json(told | {"out": str(out)})
        return
    console.print(
        f"{told['records']} bản ghi là {told['persons']} người; {told['review']} cặp cần người xem lại. Kết quả: {out}"
    )


@link.command("evaluate")
@click.option(
    "--truth",
    type=FILE,
    required=True,
    help="CSV sự thật: record_id, person (thêm household, twin, mother, father nếu biết).",
)
@click.option("--links", type=FILE, help="CSV kết quả cần chấm: record_id, person_id.")
@click.option(
    "--input",
    "input_",
    type=FILE,
    help="Thay cho --links: ghép tệp này rồi chấm, thêm độ chuẩn xác suất và phần mất do chia khối.",
)
@WEIGHTS
@SEED_OPTION
@JSON
def link_evaluate(
    truth: Path, links: Path | None, input_: Path | None, weights_file: Path | None, seed: int, json_: bool
) -> None:
    """Chấm một lần ghép bằng sự thật: theo cặp, theo bản ghi (B-cubed), số người đúng hẳn, lỗi theo loại."""
    if (links is None) == (input_ is None):
        raise UsageError(
            "USE-LINK-EVALUATE",
            "Cho đúng một trong hai: --links hoặc --input",
            hint="bienho link evaluate --truth su-that.csv --links ket-qua.csv",
            who="người chạy lệnh",
        )
    known = _read(truth)
    if "person" not in known.column_names and "person_id" in known.column_names:
        known = known.rename_columns(["person" if name == "person_id" else name for name in known.column_names])
    if links is not None:
        found = evaluate(known, _read(links))
    elif input_ is not None:
        linked = link_records(_read(input_), _weights(weights_file), seed=seed, keep_met=True)
        found = evaluate(known, linked.persons, linked.pairs, linked.met) | {"linked": _told(linked)}
    if json_:
        as_json(found)
        return
    rows: list[tuple[Any, ...]] = [
        (name, *(f"{found[key][part]:.4f}" for part in ("precision", "recall", "f1")))
        for name, key in (("Theo cặp", "pairwise"), ("Theo bản ghi (B-cubed)", "b_cubed"))
    ]
    as_table(("Cách chấm", "Chính xác", "Đầy đủ", "F1"), rows)
    persons = found["persons"]
    console.print(f"Người đúng hẳn: {persons['exact']} / {persons['true']} ({persons['exact_share']:.2%})")
    console.print(f"Cặp bị sót: {found['missed_pairs']}; cặp ghép nhầm: {_wrong(found['false_pairs'])}")
    if "blocking" in found:
        console.print(f"Cặp đúng còn lại sau khi chia khối: {found['blocking']['recall']:.4%}")


@link.command("changes")
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, help="Chỉ những thay đổi sau số này.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Nhiều nhất bao nhiêu.")
@JSON
@click.pass_obj
def link_changes(home: Path | None, after: int, limit: int, json_: bool) -> None:
    """Hồ sơ đã chuyển từ người này sang người khác, cũ trước mới sau: điều đã cấp theo người cũ thì không còn đúng.

    Ai đã nhận dữ liệu theo người thì được báo đến một số thay đổi; mọi dòng sau số ấy còn phải báo.
    """
    with open_app(home) as app:
        found, count = Reviews(app).changes(ask.caller(app), after, limit)
    if json_:
        as_json({"after": after, "changes": [asdict(one) for one in found], "left": count - len(found)})
        return
    rows = [
        (str(one.change), one.patient, one.before or "—", one.after or "—", f"{_CAUSES[one.cause]} {one.cause_name}")
        for one in found
    ]
    as_table(["Số", "Người bệnh của cơ sở", "Người cũ", "Người mới", "Vì"], rows)
    console.print(f"{number(count)} thay đổi sau số {after}; còn {number(count - len(found))} chưa hiện.")


_CAUSES = {"delivery": "lần gửi", "decision": "quyết định", "erasure": "xóa", "weights": "bộ ghép"}
_KINDS = {
    "twin": "sinh đôi", "mother": "mẹ và con", "father": "cha và con", "household": "cùng nhà", "stranger": "người dưng"
}  # fmt: skip


def _wrong(counts: dict[str, int]) -> str:
    return ", ".join(f"{_KINDS[kind]} {count}" for kind, count in counts.items()) or "không có"


def _told(found: Linked) -> dict[str, Any]:
    learned = found.weights.learned
    return {
        "records": found.persons.num_rows, "persons": len(found.persons["person_id"].unique()),
        "links": found.links().num_rows, "review": found.review().num_rows, "seed": found.weights.seed,
        "link_weight": found.weights.link, "review_weight": found.weights.review, "learned": learned,
    }  # fmt: skip


def _read(path: Path) -> pa.Table:
    """A CSV with all columns as text; '' for nothing. InputError IN-LINK-CSV where it is none."""
    try:
        names = pc.open_csv(path).schema.names
        kinds = pc.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=False)
        return pc.read_csv(path, convert_options=kinds, parse_options=pc.ParseOptions(newlines_in_values=True))
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError):
        # what Arrow says about a bad line quotes it: a line names a person
        raise InputError(
            "IN-LINK-CSV",
            f"Không đọc được {path.name} như một tệp CSV UTF-8 có dòng tiêu đề",
            hint="Lưu lại tệp dạng CSV UTF-8, mỗi dòng đủ số cột như dòng tiêu đề",
            who="người chuẩn bị tệp",
        ) from None


def _weights(path: Path | None) -> Weights | None:
    return None if path is None else Weights.from_json(path.read_text(encoding="utf-8"))


def _write(path: Path, write: Any) -> None:
    try:
        write(path)
    except OSError as error:
        raise StorageError(
            "STO-LINK-OUT",
            f"Không ghi được tệp {path}",
            hint="Kiểm tra thư mục, quyền ghi và chỗ trống trên đĩa",
            who="người chạy lệnh",
        ) from error
