"""Error pages: what happened, what is safe, what to do, a code. Never a value that someone typed or a record holds."""

from __future__ import annotations

import logging
import sys
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from bienho.core.errors import BienhoError, DeniedError
from bienho.portal import entry
from bienho.portal.components import State
from bienho.portal.language import t

log = logging.getLogger("bienho.portal")


def page(request: HttpRequest, status: int, state: State) -> HttpResponse:
    """One error page. It needs no data and no session, so it works when those do not."""
    return render(request, "error.html", {"state": state, "status": status}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(
        request,
        400,
        State(
            "error",
            t("Yêu cầu không đúng dạng"),
            t("Máy chủ không hiểu yêu cầu này nên chưa làm gì."),
            safe=t("Dữ liệu không thay đổi."),
            do=t("Quay lại trang trước và thử lại từ đường dẫn trong trang."),
            code="WEB-400",
        ),
    )


def denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    reason, code = "", "WEB-403"
    if isinstance(exception, DeniedError):
        reason, code = exception.message, exception.code
    return page(
        request,
        403,
        State(
            "error",
            t("Chưa được phép xem"),
            reason or t("Tài khoản này chưa có quyền với nội dung đã yêu cầu."),
            safe=t("Không có dữ liệu nào được mở; lần hỏi này đã ghi vào nhật ký."),
            do=t("Nếu công việc cần đến, đề nghị người quản trị của Sở Y tế cấp quyền."),
            code=code,
        ),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(
        request,
        403,
        State(
            "error",
            t("Biểu mẫu đã quá hạn"),
            t("Trang mở đã lâu hoặc được gửi từ nơi khác nên không được nhận."),
            safe=t("Dữ liệu không thay đổi."),
            do=t("Tải lại trang rồi gửi lại."),
            code="WEB-403-FORM",
        ),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(
        request,
        404,
        State(
            "error",
            t("Không có trang này"),
            t("Đường dẫn sai, hoặc hồ sơ không có trong kho, hoặc đã được xóa theo quy định."),
            safe=t("Dữ liệu không thay đổi."),
            do=t("Tìm lại theo mã giao nhận hoặc khóa hồ sơ, hoặc về trang Tổng quan."),
            code="WEB-404",
        ),
    )


def failed(request: HttpRequest) -> HttpResponse:
    """The answer to anything unforeseen. The log gets its class and place, not its text: that may hold a value."""
    kind, _, trace = sys.exc_info()
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    log.error("unforeseen %s at %s", kind.__name__ if kind else "error", place)
    return page(
        request,
        500,
        State(
            "error",
            t("Trang gặp lỗi"),
            t("Máy chủ gặp việc ngoài dự kiến khi dựng trang này."),
            safe=t("Dữ liệu đã nhận vẫn nguyên; trang chỉ đọc, không sửa."),
            do=t("Thử lại sau một phút. Nếu còn lỗi, báo người vận hành mã dưới đây và giờ xảy ra."),
            code="WEB-500",
        ),
    )


def known(request: HttpRequest, error: BienhoError) -> HttpResponse:
    """The page of an error of the project's own tree."""
    if isinstance(error, DeniedError):
        return denied(request, error)
    return page(
        request,
        503,
        State(
            "error",
            t("Chưa đọc được dữ liệu"),
            error.message,
            safe=t("Dữ liệu đã nhận vẫn nguyên; trang chỉ đọc, không sửa."),
            do=error.hint or t("Thử lại sau một phút; nếu còn lỗi, báo người vận hành."),
            code=error.code,
        ),
    )


def too_often(request: HttpRequest) -> HttpResponse:
    """Somebody asks for pages faster than a person reads them."""
    return page(
        request,
        429,
        State(
            "error",
            t("Hỏi quá dày"),
            t("Tài khoản này vừa hỏi nhiều trang hơn mức cho phép trong một phút."),
            safe=t("Dữ liệu không thay đổi."),
            do=t("Đợi một phút rồi mở lại trang. Nếu không phải bạn, đăng xuất mọi nơi và đổi mật khẩu."),
            code="WEB-429",
        ),
    )


def catch(view: Any) -> Any:
    """Turn errors of the project's tree into their pages; Django turns the rest into 404 and 500.

    What needs two factors sends whoever has shown fewer to sign in with two, and back.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = view(request, *args, **kwargs)
        except Http404:
            raise
        except BienhoError as error:
            if error.code == "DENY-TWO-FACTORS" and request.actor is not None and request.actor.assurance != "two":
                onward = entry.local(request.get_full_path()) if request.method == "GET" else "/"
                return HttpResponseRedirect(entry.with_following(entry.SIGN_IN, onward, can="hai-lop"))
            return known(request, error)
        return response

    return guarded
