"""The user guide: Markdown files that are both the help beside each page and the guide of its own.

`python -m bienho.portal.guide docs/guide` writes the same chapters, with pictures, for people who read the repository.
"""

from __future__ import annotations

import html
import re
import sys
from functools import cache
from pathlib import Path

from bienho.portal.components import Help
from bienho.portal.language import LANGUAGES, current_language

FOLDER = Path(__file__).parent / "guide_text"
LINK = re.compile(r"\[([^\]]+)\]\(\d\d-([a-z0-9-]+)\.md\)")
#: Chapters from this number on speak to a role, those before it to a page.
FIRST_ROLE = 11
INDEX = {
    "vi": (
        "Hướng dẫn sử dụng Biển Hồ",
        "Cùng nội dung với phần trợ giúp trong cổng thông tin, thêm hình từ bản trình diễn; người bệnh đều là giả lập.",
        "Theo công việc",
        "Theo trang",
    ),
    "en": ("Guide to Bienho", "The same text as the help inside the portal.", "By work", "By page"),
}
#: Pictures of the written guide: chapter → (file in docs/images, what it shows).
PICTURES = {
    "tong-quan": (
        ("overview", "Trang Tổng quan: việc cần làm, con số chính, bản đồ, cơ sở cần nhắc"),
        ("overview-375", "Trang Tổng quan trên điện thoại"),
    ),
    "giao-nhan": (("delivery", "Một lần nhận: biên nhận, dấu vân SHA-256, phần cách ly"),),
    "ho-so": (
        ("dossier-trace", "Một hồ sơ: bốn bước từ bản gốc đã nhận đến con số có hồ sơ này"),
        ("dossier-standardised", "Các dòng chuẩn hóa của cùng hồ sơ"),
    ),
    "phat-hien": (("findings", "Trang Phát hiện sai: loại gặp nhiều nhất, đơn vị phải sửa, cách sửa"),),
    "cach-ly": (("quarantine", "Trang Cách ly: lý do và cách sửa"),),
    "chi-so": (("number-explained", "Một con số: định nghĩa, câu lệnh tính, các lần nhận đứng sau"),),
    "danh-muc-du-lieu": (("catalogue", "Trang Danh mục dữ liệu"),),
    "gui-ho-so": (
        ("send", "Trang Gửi hồ sơ của một cơ sở"),
        ("rehearsal", "Trang Xét thử: xem phát hiện trước khi gửi thật"),
    ),
    "sua-du-lieu": (
        ("mending", "Trang Sửa dữ liệu: sửa gì trước, ở màn hình nào, lấy lại được bao nhiêu điểm"),
        ("calendar", "Lịch gửi hồ sơ: ngày đã gửi, ngày thiếu, ngày chậm"),
    ),
    "theo-doi": (("senders", "Trang Theo dõi gửi dữ liệu: ai im lặng, gọi ai, nhắc"),),
    "chat-luong": (("scores", "Trang Chất lượng dữ liệu: điểm theo tuần, bản đồ, xếp hạng"),),
    "kham-benh": (("visit", "Một lượt khám ghi trên cổng"),),
    "thong-bao": (("notices", "Trang Thông báo của tôi"),),
    "lanh-dao-don-vi": (("overview-leader", "Trang Tổng quan của lãnh đạo Sở"),),
    "bao-cao": (("report-result", "Một kỳ đã chạy: số liệu như kho có lúc chạy"),),
}
STRONG = re.compile(r"\*\*([^*]+)\*\*")
CODE = re.compile(r"`([^`]+)`")


def chapters() -> list[str]:
    """Names of the chapters, in the order of the guide (file names carry it)."""
    return sorted(path.stem for path in (FOLDER / "vi").glob("*.md"))


def chapter(name: str) -> tuple[str, str]:
    """(title, HTML) of a chapter in the reader's language; KeyError when there is none."""
    return _load(name, current_language())


def help_for(guide: str) -> Help | None:
    """Help of the page whose chapter ends with `guide` (chapters are numbered)."""
    for name in chapters():
        if name.partition("-")[2] == guide:
            title, body = chapter(name)
            return Help(title, body, f"/huong-dan/{guide}/")
    return None


def by_role(name: str) -> bool:
    """Whether a chapter speaks to a role rather than to a page."""
    return int(name.partition("-")[0]) >= FIRST_ROLE


def written(name: str, language: str) -> str:
    """A chapter as it stands in `docs/guide`: the same text, then its pictures (of the Vietnamese pages)."""
    text = (FOLDER / language / f"{name}.md").read_text(encoding="utf-8")
    pictures = PICTURES.get(slug(name), ()) if language == "vi" else ()
    return "\n".join([text, *(f"![{words}](../../images/{file}.png)\n" for file, words in pictures)])


def index(language: str) -> str:
    """The first page of the written guide: chapters by role, then by page."""
    title, lead, roles, pages = INDEX[language]
    lines = [f"# {title}", "", lead, ""]
    for heading, wanted in ((roles, True), (pages, False)):
        found = [name for name in chapters() if by_role(name) is wanted]
        lines += [f"## {heading}", "", *(f"- [{_load(name, language)[0]}]({name}.md)" for name in found), ""]
    return "\n".join(lines)


def files() -> dict[str, str]:
    """The whole written guide: path below `docs/guide` → text."""
    found = {f"{code}/README.md": index(code) for code in LANGUAGES}
    return found | {f"{code}/{name}.md": written(name, code) for code in LANGUAGES for name in chapters()}


def write_out(folder: Path) -> None:
    """Write the guide to a folder."""
    for name, text in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def slug(name: str) -> str:
    """`02-giao-nhan` → `giao-nhan`, as used in addresses."""
    return name.partition("-")[2]


@cache
def _load(name: str, language: str) -> tuple[str, str]:
    path = FOLDER / language / f"{name}.md"
    if not path.is_file():
        raise KeyError(name)
    return markdown(path.read_text(encoding="utf-8"))


def markdown(text: str) -> tuple[str, str]:
    """The little Markdown the guide uses: one title, sub-titles, paragraphs, lists, bold, code, links inside."""
    title, out, kind = "", [], ""
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.strip().splitlines()
        if lines[0].startswith("# "):
            title = lines[0][2:].strip()
        elif lines[0].startswith("## "):
            out.append(f"<h2>{_inline(lines[0][3:])}</h2>")
        elif lines[0].startswith(("- ", "1. ")):
            kind = "ul" if lines[0].startswith("- ") else "ol"
            items = re.split(r"^(?:- |\d+\. )", block.strip(), flags=re.MULTILINE)[1:]
            out.append(f"<{kind}>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + f"</{kind}>")
        else:
            out.append(f"<p>{_inline(block)}</p>")
    return title, "".join(out)


def _inline(text: str) -> str:
    text = html.escape(" ".join(text.split()), quote=False)
    text = CODE.sub(r"<code>\1</code>", STRONG.sub(r"<strong>\1</strong>", text))
    return LINK.sub(r'<a href="/huong-dan/\2/">\1</a>', text)


if __name__ == "__main__":
    write_out(Path(sys.argv[1]))
