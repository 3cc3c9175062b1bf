"""Addresses of the portal. Identifiers in an address are delivery ids and keyed digests, never a patient's value."""

from __future__ import annotations

from typing import Any

from django.urls import path, register_converter

from bienho.portal.api import portal_api, resources, results, sends, token
from bienho.portal.views import (
    agreements,
    catalogue,
    components,
    connections,
    decisions,
    dossiers,
    emergencies,
    errors,
    lists,
    members,
    mending,
    notices,
    numbers,
    overview,
    own,
    persons,
    portal_logins,
    recovering,
    reports,
    review,
    rights,
    rules,
    scores,
    senders,
    session,
    signing,
    sso,
    start,
    uploading,
    visits,
    work,
)
from bienho.portal.views.errors import catch
from bienho.sources.portal_api import RESULTS, SERVICES


class DeliveryId:
    """D + the zero-padded receipt sequence."""

    regex = r"D\d{12}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class Key(DeliveryId):
    """A keyed digest of 32 hex digits."""

    regex = r"[0-9a-f]{32}"


class Service(DeliveryId):
    """A service of the insurance portal that takes files, below /api/qd130/."""

    regex = "|".join(name for name, service in SERVICES.items() if not service.in_query)


class Service4210(DeliveryId):
    """The same below /api/egw/."""

    regex = "|".join(name for name, service in SERVICES.items() if service.in_query)


class Results(DeliveryId):
    """A service of the insurance portal that tells what became of files."""

    regex = "|".join(RESULTS)


register_converter(Service, "service")
register_converter(Service4210, "service4210")
register_converter(Results, "results")
register_converter(DeliveryId, "delivery")
register_converter(Key, "key")


def _page(route: str, view: Any, name: str) -> Any:
    return path(route, catch(view), name=name)


urlpatterns = [
    # tried in this order for every request, and most of them are files
    path("api/token/take", portal_api.take, name="portal-api-token"),
    path("api/qd130/<service:service>", portal_api.send, name="portal-api-send"),
    path("api/egw/<service4210:service>", portal_api.send, name="portal-api-send-4210"),
    path("api/egw/<results:service>", portal_api.results, name="portal-api-results"),
    _page("", overview.show, "overview"),
    _page("kham-benh/", visits.visit_list, "visits"),
    _page("kham-benh/moi/", visits.begin, "visit-new"),
    _page("kham-benh/ma/", visits.find, "visit-codes"),
    _page("kham-benh/<key:key>/", visits.visit, "visit"),
    _page("kham-benh/<key:key>/luu/", visits.save, "visit-save"),
    _page("kham-benh/<key:key>/sua/", visits.mend, "visit-mend"),
    _page("kham-benh/<key:key>/bo/", visits.drop, "visit-drop"),
    _page("kham-benh/<key:key>/in/<slug:paper>/", visits.paper, "visit-paper"),
    _page("giao-nhan/", lists.delivery_list, "deliveries"),
    _page("giao-nhan/<delivery:delivery_id>/", lists.delivery, "delivery"),
    _page("gui-ho-so/", uploading.send, "send"),
    _page("gui-ho-so/<delivery:delivery_id>/", uploading.sent, "sent"),
    _page("ket-noi/", connections.connections, "connections"),
    _page("ket-noi/<key:key>/bo/", connections.end, "connection-end"),
    _page("xet-thu/", uploading.rehearse, "rehearse"),
    _page("ho-so/", dossiers.dossier_list, "dossiers"),
    _page("ho-so/<key:key>/", dossiers.dossier, "dossier"),
    _page("ho-so/<key:key>/dinh-danh/", dossiers.identify, "identify"),
    _page("con-nguoi/xet/", persons.review, "person-review"),
    _page("phat-hien/", lists.finding_list, "findings"),
    _page("cach-ly/", lists.quarantine_list, "quarantine"),
    _page("chat-luong/", scores.province, "scores"),
    _page("chat-luong/co-so/", scores.facility, "score-facility"),
    _page("chat-luong/dong/", scores.rows, "score-rows"),
    _page("chat-luong/thu/", scores.trial, "score-trial"),
    _page("chat-luong/quy-tac/", rules.rule_list, "rules"),
    _page("chat-luong/quy-tac/<int:number>/", rules.one_rule, "rule"),
    _page("sua-du-lieu/", mending.worklist, "mending"),
    _page("sua-du-lieu/dong/", mending.rows, "mending-rows"),
    _page("sua-du-lieu/dong/ma-ho-so/", mending.numbers, "mending-numbers"),
    _page("sua-du-lieu/da-xong/", mending.done, "mending-done"),
    _page("sua-du-lieu/lich/", mending.calendar, "sending-calendar"),
    _page("theo-doi/", senders.watch, "senders"),
    _page("theo-doi/nhac/", senders.remind, "remind"),
    _page("theo-doi/tra-loi/<key:key>/", senders.answer, "remind-answer"),
    _page("chi-so/", numbers.number_list, "numbers"),
    _page("chi-so/<slug:indicator>/", numbers.number, "number"),
    _page("danh-muc-du-lieu/", catalogue.dataset_list, "catalogue"),
    _page("danh-muc-du-lieu/<str:dataset_id>/", catalogue.dataset, "dataset"),
    _page("thoa-thuan/", agreements.agreement_list, "agreements"),
    _page("thoa-thuan/soan/", agreements.draft, "agreement-new"),
    _page("thoa-thuan/<slug:code>/", agreements.agreement, "agreement"),
    _page("thoa-thuan/<slug:code>/soan/", agreements.draft, "agreement-draft"),
    _page("thoa-thuan/<slug:code>/buoc/", agreements.move, "agreement-move"),
    _page("nhat-ky/", decisions.decision_list, "decisions"),
    _page("nhat-ky/kiem-tra/", decisions.check, "decisions-check"),
    _page("nhat-ky/<int:seq>/", decisions.decision, "decision"),
    _page("khan-cap/", emergencies.emergency_list, "emergencies"),
    _page("khan-cap/mo/<key:key>/", emergencies.open_one, "emergency-open"),
    _page("khan-cap/<key:key>/", emergencies.emergency, "emergency"),
    _page("khan-cap/<key:key>/xem/", emergencies.look, "emergency-look"),
    _page("khan-cap/<key:key>/ket-luan/", emergencies.review, "emergency-review"),
    _page("bao-cao/", reports.report_list, "reports"),
    _page("bao-cao/lap/", reports.make, "report-new"),
    _page("bao-cao/<slug:name>/", reports.report, "report"),
    _page("bao-cao/<slug:name>/bo/", reports.end, "report-end"),
    _page("bao-cao/<slug:name>/<int:due>/", reports.result, "report-result"),
    _page("huong-dan/", catalogue.guide_index, "guide"),
    _page("huong-dan/<slug:slug>/", catalogue.guide_chapter, "guide-chapter"),
    _page("quyen/", rights.mine, "rights"),
    _page("quyen/nguoi/", members.unit, "members"),
    _page("quyen/nguoi/giao/", members.give, "member-give"),
    _page("quyen/nguoi/moi/", members.invite, "member-invite"),
    _page("quyen/nguoi/<int:membership_id>/ket-thuc/", members.end, "member-end"),
    _page("quyen/ra-soat/", review.worklist, "review"),
    _page("quyen/ra-soat/giu/", review.keep, "review-keep"),
    _page("quyen/ra-soat/<int:membership_id>/", review.one, "review-one"),
    _page("he-thong/bat-dau/", start.show, "start"),
    _page("he-thong/cua-gui/", portal_logins.show, "portal-logins"),
    _page("he-thong/viec-nen/", work.show, "work"),
    _page("he-thong/thu-thong-bao/", notices.given_up, "notices-given-up"),
    _page("he-thong/thanh-phan/", components.gallery, "components"),
    _page("dang-nhap/", signing.sign_in, "sign-in"),
    _page("dang-nhap/lop-hai/", signing.second_factor, "second-factor"),
    _page("dang-nhap/khoa-truy-cap/", signing.passkey_options, "passkey-options"),
    _page("dang-nhap/loi-moi/", signing.invitation, "invitation"),
    _page("dang-nhap/mo-khoa/", signing.unlock, "unlock"),
    _page("dang-nhap/dich-vu/", sso.begin, "sso"),
    _page("dang-nhap/dich-vu/tro-ve/", sso.back, "sso-back"),
    _page("tai-khoan/", own.overview, "own"),
    _page("tai-khoan/mat-khau/", own.password, "own-password"),
    _page("tai-khoan/lop-hai/", own.factors, "own-factors"),
    _page("tai-khoan/noi-khac/", own.elsewhere, "own-elsewhere"),
    _page("tai-khoan/khoi-phuc/", recovering.recover, "recovery"),
    _page("tai-khoan/thong-bao/", notices.mine, "own-notices"),
    _page("dang-xuat/", session.sign_out, "sign-out"),
    _page("ngon-ngu/", session.language, "language"),
    _page("tim/", session.search, "search"),
    path("oauth2/token", token.give, name="token"),
    path("api/v1/me", resources.me, name="api-me"),
    path("api/v1/datasets", resources.datasets, name="api-datasets"),
    path("api/v1/dossiers", sends.send, name="api-send"),
    path("api/v1/rehearse", sends.rehearse, name="api-rehearse"),
    path("api/v1/deliveries", results.deliveries, name="api-deliveries"),
    path("api/v1/deliveries/<delivery:delivery_id>", results.delivery, name="api-delivery"),
    path("api/v1/deliveries/<delivery:delivery_id>/dossiers", results.dossiers, name="api-delivery-dossiers"),
    path("api/v1/deliveries/<delivery:delivery_id>/findings", results.findings, name="api-delivery-findings"),
    path("api/v1/dossiers/<key:key>/findings", results.dossier_findings, name="api-dossier-findings"),
    path("api/v1/days", results.days, name="api-days"),
    path("api/v1/reconciliation", results.reconciliation, name="api-reconciliation"),
    path("api/v1/openapi.json", resources.document, name="api-document"),
    _page("robots.txt", session.robots, "robots"),
]

handler400 = errors.bad_request
handler403 = errors.denied
handler404 = errors.not_found
handler500 = errors.failed
