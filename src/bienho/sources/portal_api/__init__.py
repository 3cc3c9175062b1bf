"""The submission API of the insurance portal as its clients speak it, without HTTP: forms in, replies out."""

from bienho.sources.portal_api.accept import SOURCE, Account, Keep, Kept, Parcel, Proof, accept, proof_of
from bienho.sources.portal_api.form import Form, NotAForm, read_body, read_query
from bienho.sources.portal_api.replies import (
    AGAIN,
    BROKEN,
    DENIED,
    TOO_LARGE,
    UNKNOWN,
    Refused,
    Reply,
    refusal,
    token_reply,
)
from bienho.sources.portal_api.results import (
    MOST_ROWS,
    RESULTS,
    Delivery,
    Problem,
    by_day,
    day_of,
    days_of,
    details,
    problems,
    unknown,
)
from bienho.sources.portal_api.services import SERVICES, Service

__all__ = [
    "AGAIN",
    "BROKEN",
    "DENIED",
    "MOST_ROWS",
    "RESULTS",
    "SERVICES",
    "SOURCE",
    "TOO_LARGE",
    "UNKNOWN",
    "Account",
    "Delivery",
    "Form",
    "Keep",
    "Kept",
    "NotAForm",
    "Parcel",
    "Problem",
    "Proof",
    "Refused",
    "Reply",
    "Service",
    "accept",
    "by_day",
    "day_of",
    "days_of",
    "details",
    "problems",
    "proof_of",
    "read_body",
    "read_query",
    "refusal",
    "token_reply",
    "unknown",
]
