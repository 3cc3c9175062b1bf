"""Notices: what I am told and where; what the house could not tell."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from bienho.core.errors import UsageError
from bienho.governance.notices import Preference
from bienho.governance.notices.outbox import Outbox
from bienho.governance.notices.settings import CHANNELS, ChannelKind
from bienho.portal.components import Crumb, Secret, State
from bienho.portal.desk import Desk
from bienho.portal.language import later, t
from bienho.portal.pages import Page, Section, render_page
from bienho.portal.presenters import notices as presenter

GUIDE = "thong-bao"
MOST_TEXT = 300
DONE = {
    "chon": (later("Đã lưu lựa chọn"), later("Áp dụng cho mọi thông báo chưa gửi.")),
    "ma": (later("Địa chỉ đã xác nhận"), later("Thông báo từ lúc này được gửi đến đó.")),
    "bo": (later("Đã bỏ địa chỉ"), later("Không gì được gửi đến đó nữa.")),
    "dia-chi": (later("Đã ghi địa chỉ"), later("Mã xác nhận được gửi đến đó trong 5 phút.")),
}


@require_http_methods(["GET", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """My notices. Everybody chooses for their own account only; each change is recorded."""
    desk = Desk.of(request)
    if request.method == "GET":
        return _page(request, desk)
    given = {name: value.replace("\0", "").strip()[:MOST_TEXT] for name, value in request.POST.items()}
    act = given.get("viec", "")
    try:
        shown = _done(desk, act, given)
    except UsageError as wrong:
        field = {"dia-chi": "dia_chi", "ma": "ma_so"}.get(act, "chon")
        return _page(request, desk, given, {field: f"{wrong.message} {wrong.hint}".strip()})
    return _page(request, desk, secret=shown) if shown else HttpResponseRedirect(f"{presenter.HREF}?xong={act}")


def _done(desk: Desk, act: str, given: Mapping[str, str]) -> Secret | None:
    """Do what a form asks; the secret of a webhook, which is shown once."""
    settings, open_ = presenter.settings(desk), presenter.ways(desk)
    if act == "chon":
        before = settings.preference(desk.actor.account_id) or Preference()
        settings.choose(presenter.said(presenter.mine(desk), given, before), by=desk.actor, now=desk.now)
        return None
    kind = _channel(given.get("cach", ""))
    if act == "ma":
        settings.confirm(kind, given.get("ma_so", ""), by=desk.actor, now=desk.now)
    elif act == "bo":
        settings.remove(kind, by=desk.actor)
    elif act == "dia-chi" and (open_.mail if kind == "mail" else open_.webhooks):
        domains = open_.mail.domains if open_.mail else ()
        made = settings.put_channel(kind, given.get("dia_chi", ""), by=desk.actor, now=desk.now, domains=domains)
        if made.secret:
            return Secret(
                t("Bí mật ký thư, chỉ hiện một lần"),
                [made.secret],
                t("Phần mềm nhận dùng nó để kiểm chữ ký ở dòng Bienho-Signature (HMAC-SHA256, thời điểm và nội dung)."),
            )
    else:
        raise Http404
    return None


def _channel(text: str) -> ChannelKind:
    kind = next((one for one in CHANNELS if one == text), None)
    if kind is None:
        raise Http404
    return kind


def _page(
    request: HttpRequest,
    desk: Desk,
    given: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    secret: Secret | None = None,
) -> HttpResponse:
    settings, open_, kinds = presenter.settings(desk), presenter.ways(desk), presenter.mine(desk)
    channels, wrong = settings.channels(desk.actor.account_id), errors or {}
    chosen = settings.preference(desk.actor.account_id) or Preference()
    page = Page(
        t("Thông báo của tôi"),
        t("Kho báo cho bạn điều gì, ở đâu, lúc nào; chỉ số đếm và đường dẫn, không gì về người bệnh."),
        guide=GUIDE,
        crumbs=(Crumb(t("Đăng nhập của tôi"), "/tai-khoan/"),),
    )
    done = DONE.get(request.GET.get("xong", ""))
    before = [secret] if secret else [State("good", t(done[0]), t(done[1]))] if done else []
    where = [presenter.channel_table(channels), *presenter.channel_forms(open_, channels, given or {}, wrong)]
    sections = [
        Section("noi-nhan", t("Nhận ở đâu"), where, panel=True),
        Section("chon-muc", t("Nhận gì, lúc nào"), [presenter.form(kinds, chosen, wrong.get("chon", ""))], panel=True),
        Section("thu-muc", t("Thư gần đây"), [presenter.message_table(desk, own=True)]),
    ]
    context = {"before": [*before, presenter.advice(desk, open_, channels)], "sections": sections}
    return render_page(request, "sections.html", page, context, status=400 if errors else 200)


@require_http_methods(["GET", "POST"])
def given_up(request: HttpRequest) -> HttpResponse:
    """Messages the house could not send, for whoever runs it; a POST sends them once more."""
    desk = Desk.of(request)
    if request.method == "POST":
        desk.permit("job", "notices-again")
        outbox = Outbox(desk.house.database)
        for one in outbox.messages(state="dead", most=1_000):
            outbox.again(one.message_id, desk.now)
        return HttpResponseRedirect(presenter.DEAD_HREF)
    desk.permit("job", "notices-status")
    again = presenter.again_form(desk)
    page = Page(
        t("Thư thông báo"),
        t("Thư kho không gửi được, và thư đang chờ; địa chỉ và nội dung không hiện ở đây."),
        guide=GUIDE,
        crumbs=(Crumb(t("Việc nền"), "/he-thong/viec-nen/"),),
    )
    sections = [
        *([Section("gui-lai-muc", t("Sau khi sửa đường gửi"), [again], panel=True)] if again else []),
        Section("thu-muc", t("Thư đã bỏ hoặc đang chờ"), [presenter.message_table(desk, own=False)]),
    ]
    context = {"before": [], "sections": sections}
    return render_page(request, "sections.html", page, context)
