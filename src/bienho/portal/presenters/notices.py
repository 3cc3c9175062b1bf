"""Notices on pages: what I am told, where and when; and, for whoever runs the house, what could not be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time

from bienho.config import NoticeWays, read_notice_ways
from bienho.governance import accounts
from bienho.governance.notices import Kind, Mode, Preference
from bienho.governance.notices.concern import concerning, matters
from bienho.governance.notices.outbox import Message, Outbox
from bienho.governance.notices.settings import (
    CHANNELS,
    CODE_DIGITS,
    CODE_LASTS,
    MOST_WRONG,
    Channel,
    ChannelKind,
    Settings,
)
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Column, Field, Form, State, Table
from bienho.portal.components.badge import Tone
from bienho.portal.desk import Desk
from bienho.portal.formats import DASH, number
from bienho.portal.language import LANGUAGES, current_language, later, t

HREF = "/tai-khoan/thong-bao/"
DEAD_HREF = "/he-thong/thu-thong-bao/"
SHOWN = 10
DIGEST_HOURS = range(6, 21)
MODES: dict[Mode, str] = {
    "now": later("Ngay khi có"),
    "digest": later("Gộp vào thư mỗi ngày"),
    "off": later("Không nhận"),
}
WHERE: dict[ChannelKind, str] = {"mail": later("Thư điện tử"), "webhook": later("Địa chỉ https của phần mềm")}
STATES: dict[str, tuple[str, Tone]] = {
    "waiting": (later("Đang chờ gửi"), "info"),
    "sent": (later("Đã gửi đi"), "ok"),
    "dead": (later("Đã bỏ"), "act"),
}
ANSWERS = {
    "connection": later("không tới được máy nhận"),
    "tls": later("chứng thư hoặc TLS của máy nhận không hợp lệ"),
    "no-tls": later("máy chủ thư không có TLS"),
    "off": later("kho đã tắt cách gửi này"),
    "unconfirmed": later("địa chỉ chưa xác nhận"),
    "no-channel": later("địa chỉ đã bỏ"),
    "account": later("tài khoản đã đóng"),
    "https": later("không phải địa chỉ https"),
    "name": later("không tìm thấy tên máy"),
    "private-address": later("địa chỉ trong mạng riêng, kho không gửi"),
    "time": later("máy nhận trả lời quá lâu"),
    "answer": later("máy nhận trả lời không đúng giao thức"),
}


def settings(desk: Desk) -> Settings:
    return Settings(desk.house.database, desk.house.keys, desk.house.home)


def ways(desk: Desk) -> NoticeWays:
    return read_notice_ways(desk.house.home)


def mine(desk: Desk) -> tuple[Kind, ...]:
    """Kinds that concern the reader."""
    return concerning(desk.actor, matters(desk.house.database, desk.now))


def title(kind: Kind) -> str:
    return kind.title_en if current_language() == "en" else kind.title_vi


def advice(desk: Desk, open_: NoticeWays, channels: Sequence[Channel]) -> State:
    """The one thing to do now."""
    last = Outbox(desk.house.database).messages(desk.actor.account_id, most=1)
    if not open_.any:
        return State(
            "partial",
            t("Kho này chưa bật gửi thông báo"),
            t("Lựa chọn bên dưới được giữ lại; thông báo bắt đầu khi người vận hành bật."),
            do=t("Người vận hành ghi notices.yaml theo hướng dẫn triển khai."),
        )
    if last and last[0].state == "dead":
        return State(
            "error",
            t("Thư gần nhất không gửi được"),
            answer(last[0].answer).capitalize(),
            safe=t("Điều thư định báo vẫn xem được trên các trang của cổng."),
            do=t("Xem lại địa chỉ bên dưới; ghi lại nếu sai."),
        )
    if any(one.confirmed_at for one in channels):
        return State("good", t("Bạn đang nhận thông báo"), t("Thông báo chỉ có số đếm và đường dẫn về cổng này."))
    if channels:
        return State(
            "partial", t("Việc nên làm: nhập mã xác nhận"), t("Mã được gửi đến địa chỉ bạn ghi, trong 5 phút.")
        )
    return State("partial", t("Việc nên làm: ghi địa chỉ nhận"), t("Chưa có địa chỉ thì không thông báo nào được gửi."))


def channel_table(channels: Sequence[Channel]) -> Table:
    """Where notices go."""
    rows = [
        {
            "cach": Cell(t(WHERE[one.kind])),
            "noi": Cell(one.address),
            "luc": Cell(formats.moment(one.set_at), raw=one.set_at),
            "tt": Cell("", badge=Badge(t("đang dùng"), "ok") if one.confirmed_at else Badge(t("chờ mã"), "warn")),
        }
        for one in channels
    ]
    return Table(
        "dia-chi-nhan",
        t("Địa chỉ nhận"),
        [
            Column("cach", t("Cách gửi"), lead=True),
            Column("noi", t("Địa chỉ")),
            Column("luc", t("Ghi lúc"), "date"),
            Column("tt", t("Tình trạng")),
        ],
        rows,
        caption_hidden=True,
        empty=State("empty", t("Chưa có địa chỉ nào"), t("Ghi địa chỉ bên dưới; mã xác nhận được gửi đến đó.")),
    )


def channel_forms(
    open_: NoticeWays, channels: Sequence[Channel], given: Mapping[str, str], errors: Mapping[str, str]
) -> list[Form]:
    """To write an address, to give the code back, to stop one."""
    forms = []
    offered = [kind for kind in CHANNELS if (open_.mail if kind == "mail" else open_.webhooks)]
    for one in channels:
        if one.confirmed_at is None:
            forms.append(_code_form(one, given, errors))
    if offered:
        domains = ", ".join(sorted(open_.mail.domains)) if open_.mail else ""
        about = t("Thư chỉ gửi đến địa chỉ của: {domains}.", domains=domains) if domains else ""
        forms.append(
            Form(
                "dia-chi",
                [
                    Field("viec", "", "hidden", "dia-chi"),
                    Field("cach", t("Cách gửi"), "choice", given.get("cach", offered[0]), options=[
                        (kind, t(WHERE[kind])) for kind in offered], error=errors.get("cach", "")),
                    Field("dia_chi", t("Địa chỉ"), value=given.get("dia_chi", ""), required=True, hint="ten@don-vi.vn",
                          autocomplete="email", error=errors.get("dia_chi", ""), help=about),
                ],
                t("Ghi địa chỉ và gửi mã"),
                HREF,
                "post",
                title=t("Ghi địa chỉ nhận"),
                quiet=bool(channels),
            )
        )  # fmt: skip
    forms += [
        Form(
            f"bo-{one.kind}",
            [Field("viec", "", "hidden", "bo"), Field("cach", "", "hidden", one.kind)],
            t("Bỏ {where}", where=t(WHERE[one.kind])[0].lower() + t(WHERE[one.kind])[1:]),
            HREF,
            "post",
            quiet=True,
        )
        for one in channels
    ]
    return forms


def _code_form(one: Channel, given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    here = given.get("cach") == one.kind
    return Form(
        f"ma-{one.kind}",
        [
            Field("viec", "", "hidden", "ma"),
            Field("cach", "", "hidden", one.kind),
            Field(
                "ma_so", t("Mã xác nhận gửi đến {address}", address=one.address), required=True, digits=True,
                autocomplete="one-time-code", error=errors.get("ma_so", "") if here else "",
                help=t("{n} chữ số, trong {h} giờ, nhiều nhất {w} lần nhập.", n=CODE_DIGITS,
                       h=int(CODE_LASTS.total_seconds() // 3600), w=MOST_WRONG),
            ),
        ],
        t("Xác nhận"),
        HREF,
        "post",
        title=t("Xác nhận địa chỉ"),
    )  # fmt: skip


def form(kinds: Sequence[Kind], chosen: Preference, error: str = "") -> Form:
    """Which notices, when, in which language."""
    hours = [(f"{hour:02}", f"{hour:02}:00") for hour in range(24)]
    quiet = chosen.quiet
    return Form(
        "chon",
        [
            Field("viec", "", "hidden", "chon"),
            *(
                Field(
                    f"loai_{kind.code}", title(kind), "choice", chosen.mode(kind),
                    options=[(mode, t(text)) for mode, text in MODES.items()],
                )
                for kind in kinds
            ),
            Field("gio_gop", t("Giờ gửi thư gộp"), "choice", f"{chosen.digest_at.hour:02}",
                  options=[hours[hour] for hour in DIGEST_HOURS]),
            Field("yen_tu", t("Giờ yên tĩnh, từ"), "choice", f"{quiet[0].hour:02}" if quiet else "",
                  options=[("", t("không có")), *hours], error=error,
                  help=t("Trong giờ yên tĩnh không thư nào được gửi, kể cả báo động; thư chờ đến hết giờ.")),
            Field("yen_den", t("Giờ yên tĩnh, đến"), "choice", f"{quiet[1].hour:02}" if quiet else "",
                  options=[("", t("không có")), *hours]),
            Field("ngon_ngu", t("Ngôn ngữ của thư"), "choice", chosen.language, options=list(LANGUAGES.items())),
        ],
        t("Lưu lựa chọn"),
        HREF,
        "post",
        title=t("Chọn thông báo"),
    )  # fmt: skip


def said(kinds: Sequence[Kind], given: Mapping[str, str], before: Preference) -> Preference:
    """The choice a form holds; what it does not ask stays as it was. A value it does not offer is what is usual."""
    modes = dict(before.modes)
    for kind in kinds:
        told = given.get(f"loai_{kind.code}", "")
        modes[kind.code] = next((mode for mode in MODES if mode == told), kind.usual)
    first, last = _hour(given.get("yen_tu", "")), _hour(given.get("yen_den", ""))
    quiet = (first, last) if first is not None and last is not None and first != last else None
    digest = _hour(given.get("gio_gop", ""))
    return Preference(
        given.get("ngon_ngu", "vi"),
        modes,
        digest if digest and digest.hour in DIGEST_HOURS else before.digest_at,
        quiet,
    )


def _hour(text: str) -> time | None:
    return time(int(text)) if text.isdecimal() and len(text) == 2 and int(text) < 24 else None


def message_table(desk: Desk, *, own: bool) -> Table:
    """The newest messages: one's own, or those given up in the whole house."""
    outbox = Outbox(desk.house.database)
    found = (
        outbox.messages(desk.actor.account_id, most=SHOWN)
        if own
        else [*outbox.messages(state="dead"), *outbox.messages(state="waiting")]
    )
    names = {} if own else {one.account_id: one.name for one in accounts.list_accounts(desk.house.database)}
    rows = [{**({} if own else {"ai": Cell(names.get(one.account_id, one.account_id), note=one.account_id)}),
             **_message(one)} for one in found]  # fmt: skip
    columns = [
        Column("luc", t("Lập lúc"), "date", lead=own),
        Column("cach", t("Cách gửi")),
        Column("tt", t("Tình trạng")),
        Column("lan", t("Số lần gửi"), "number"),
        Column("ly", t("Lần gửi cuối")),
        Column("tiep", t("Gửi lại lúc"), "date"),
    ]
    return Table(
        "thu",
        t("Thư gần đây") if own else t("Thư đã bỏ hoặc đang chờ"),
        columns if own else [Column("ai", t("Tài khoản"), lead=True), *columns],
        rows,
        caption_hidden=True,
        empty=State("empty", t("Chưa có thư nào"), t("Thư gửi cho bạn hiện ở đây, cả thư không gửi được."))
        if own
        else State("good", t("Không thư nào bị bỏ hay đang chờ"), t("Thư không gửi được sau ba ngày hiện ở đây.")),
    )


def _message(one: Message) -> dict[str, Cell]:
    text, tone = STATES[one.state]
    return {
        "luc": Cell(formats.moment(one.made_at), raw=one.made_at),
        "cach": Cell(t(WHERE[one.channel]), note=t("mã xác nhận") if one.purpose == "confirm" else ""),
        "tt": Cell("", badge=Badge(t(text), tone)),
        "lan": Cell(number(one.attempts), raw=one.attempts),
        "ly": Cell(answer(one.answer)),
        "tiep": Cell(formats.moment(one.due_at), raw=one.due_at) if one.state == "waiting" else Cell(DASH),
    }


def answer(word: str) -> str:
    """Why a message was not taken."""
    if not word:
        return DASH
    return t(ANSWERS[word]) if word in ANSWERS else t("máy nhận trả lời mã {code}", code=word)


def again_form(desk: Desk) -> Form | None:
    """To send everything that was given up once more."""
    dead = Outbox(desk.house.database).standing()["dead"]
    if not dead or not desk.may("job"):
        return None
    return Form("gui-lai", [], t("Gửi lại {n} thư đã bỏ", n=number(dead)), DEAD_HREF, "post")
