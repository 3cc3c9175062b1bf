"""The signatures of a delivery: what became of them, who signed, what to do."""

from __future__ import annotations

from bienho.portal import words
from bienho.portal.components import Badge, Fact, Facts
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import t

COLUMNS = ("member", "status", "code", "signer", "issuer", "serial", "fingerprint", "anchors")


def of_delivery(desk: Desk, delivery_id: str) -> Facts:
    """A delivery is one file, or the members of an archive: one fact per verdict and signer."""
    rows = desk.rows("quality.signature", COLUMNS, [("delivery_id", "=", delivery_id)], [("member", "asc")])
    if not rows:
        waiting = Badge(t("Chưa xét"), "quiet")
        return Facts(
            [
                Fact(
                    t("Chữ ký số"),
                    "",
                    badge=waiting,
                    note=t("sẽ xét riêng, sau khi nhận; không ảnh hưởng đến việc nhận"),
                )
            ]
        )
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        alike.setdefault((row["status"], row["fingerprint"] or ""), []).append(row)
    return Facts([fact for group in alike.values() for fact in _facts(group)])


def _facts(alike: list[Row]) -> list[Fact]:
    """Files of an archive with one verdict and one certificate are told of once."""
    row, others = alike[0], len(alike) - 1
    name = t("Chữ ký của tệp thứ {n}", n=number(row["member"])) if row["member"] else t("Chữ ký số")
    if others:
        name = t("Chữ ký của tệp thứ {n} và {k} tệp khác", n=number(row["member"]), k=number(others))
    facts = [Fact(name, "", badge=words.signature(row["status"]), note=words.fix(row["code"]) if row["code"] else "")]
    if row["fingerprint"]:
        given = t("do {issuer} cấp, số {serial}", issuer=row["issuer"] or DASH, serial=row["serial"])
        facts.append(Fact(t("Tổ chức ký"), row["signer"] or t("chứng thư không ghi tên tổ chức"), note=given))
    return facts
