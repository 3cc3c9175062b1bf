"""Addresses of the portal. Identifiers in an address are delivery ids and keyed digests, never a patient's value."""

from __future__ import annotations

from typing import Any

from django.urls import path, register_converter

from bienho.portal.views import catalogue, components, dossiers, errors, lists, numbers, overview, session, work
from bienho.portal.views.errors import catch


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


register_converter(DeliveryId, "delivery")
register_converter(Key, "key")


def _page(route: str, view: Any, name: str) -> Any:
    return path(route, catch(view), name=name)


urlpatterns = [
    _page("", overview.show, "overview"),
    _page("giao-nhan/", lists.delivery_list, "deliveries"),
    _page("giao-nhan/<delivery:delivery_id>/", lists.delivery, "delivery"),
    _page("ho-so/", dossiers.dossier_list, "dossiers"),
    _page("ho-so/<key:key>/", dossiers.dossier, "dossier"),
    _page("ho-so/<key:key>/dinh-danh/", dossiers.identify, "identify"),
    _page("phat-hien/", lists.finding_list, "findings"),
    _page("cach-ly/", lists.quarantine_list, "quarantine"),
    _page("chi-so/", numbers.number_list, "numbers"),
    _page("chi-so/<slug:indicator>/", numbers.number, "number"),
    _page("danh-muc-du-lieu/", catalogue.dataset_list, "catalogue"),
    _page("danh-muc-du-lieu/<str:dataset_id>/", catalogue.dataset, "dataset"),
    _page("huong-dan/", catalogue.guide_index, "guide"),
    _page("huong-dan/<slug:slug>/", catalogue.guide_chapter, "guide-chapter"),
    _page("he-thong/viec-nen/", work.show, "work"),
    _page("he-thong/thanh-phan/", components.gallery, "components"),
    _page("dang-nhap/", session.sign_in, "sign-in"),
    _page("dang-xuat/", session.sign_out, "sign-out"),
    _page("ngon-ngu/", session.language, "language"),
    _page("tim/", session.search, "search"),
    _page("robots.txt", session.robots, "robots"),
]

handler400 = errors.bad_request
handler403 = errors.denied
handler404 = errors.not_found
handler500 = errors.failed
