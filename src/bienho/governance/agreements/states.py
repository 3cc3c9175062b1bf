"""The life of an agreement: its states, the moves between them, who may make each, and the diagram of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bienho.governance.decision import Action

State = Literal[
    "draft", "legal-review", "security-review", "to-sign", "signed", "in-force", "suspended", "ended", "expired"
]
STATES: dict[str, str] = {
    "draft": "Dự thảo",
    "legal-review": "Thẩm định pháp lý",
    "security-review": "Thẩm định an toàn",
    "to-sign": "Chờ ký",
    "signed": "Đã ký",
    "in-force": "Có hiệu lực",
    "suspended": "Tạm dừng",
    "ended": "Chấm dứt",
    "expired": "Hết hạn",
}
"""State → what people read. `expired` is never written: an agreement in force or suspended is so after its last day."""


@dataclass(frozen=True, slots=True)
class Move:
    """One step. `action`: what the policies are asked. `persons`: how many different people must make it.

    `apart`: moves whose makers may not make this one.
    """

    code: str
    sources: tuple[str, ...]
    target: str
    action: Action
    title_vi: str
    persons: int = 1
    apart: tuple[str, ...] = ()
    needs_document: bool = False


MOVES: dict[str, Move] = {
    move.code: move
    for move in (
        Move("submit", ("draft",), "legal-review", "agreement-draft", "Trình thẩm định pháp lý"),
        Move(
            "pass-legal", ("legal-review",), "security-review", "agreement-review", "Đạt thẩm định pháp lý",
            apart=("draft", "submit"),
        ),
        Move(
            "pass-security", ("security-review",), "to-sign", "agreement-review", "Đạt thẩm định an toàn",
            apart=("draft", "submit"),
        ),
        Move("return", ("legal-review", "security-review", "to-sign"), "draft", "agreement-review", "Trả lại để sửa"),
        Move(
            "sign", ("to-sign",), "signed", "agreement-sign", "Ký (hai người khác nhau)", persons=2,
            apart=("draft", "submit"), needs_document=True,
        ),
        Move("start", ("signed",), "in-force", "agreement-steer", "Đưa vào hiệu lực"),
        Move("suspend", ("in-force",), "suspended", "agreement-steer", "Tạm dừng"),
        Move("resume", ("suspended",), "in-force", "agreement-steer", "Cho hiệu lực lại"),
        Move("end", ("signed", "in-force", "suspended"), "ended", "agreement-steer", "Chấm dứt"),
    )
}  # fmt: skip


def main_way() -> tuple[str, ...]:
    """States from the draft to force, by the first move that leads on from each."""
    way = ["draft"]
    while True:
        onward = [move.target for move in MOVES.values() if way[-1] in move.sources and move.target not in way]
        if way[-1] == "in-force" or not onward:
            return tuple(way)
        way.append(onward[0])


def mermaid() -> str:
    """The diagram of the states, as it stands in docs/agreements.md."""
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{title}" as {code.replace("-", "_")}' for code, title in STATES.items()]
    lines.append("    [*] --> draft: Soạn")
    for move in MOVES.values():
        for source in move.sources:
            lines.append(f"    {source.replace('-', '_')} --> {move.target.replace('-', '_')}: {move.title_vi}")
    lines += [f"    {source} --> expired: Qua ngày cuối" for source in ("in_force", "suspended")]
    lines += [f"    {last} --> [*]" for last in ("ended", "expired")]
    return "\n".join(lines) + "\n"
