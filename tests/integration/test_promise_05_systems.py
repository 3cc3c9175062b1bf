"""Promise 5: the door of systems. Tokens are short and bound; a certificate counts only from a trusted proxy."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import jsonschema
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from django.http import HttpResponse
from django.test import Client
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from bienho.governance import audit
from bienho.governance.people import NUMBERS, systems, tokens
from bienho.portal.bridge import environ
from bienho.portal.urls import urlpatterns
from support import portal
from support.doors import ADDRESS, HOST, PROXY, Doors, ensure_units
from support.peopled import BOSS, DOC, START

pytestmark = pytest.mark.database

UNIT, YEAR = "cs-52001", timedelta(days=300)
FORM = {"grant_type": "client_credentials"}


@dataclass
class Certified:
    """A client's key and certificate."""

    key: Any
    certificate: bytes

    @classmethod
    def make(cls, key: Any) -> Certified:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "his")])
        made = x509.CertificateBuilder(name, name, key.public_key(), 7, START, START + YEAR).sign(key, hashes.SHA256())
        return cls(key, made.public_bytes(Encoding.DER))

    @property
    def thumbprint(self) -> str:
        return sha256(self.certificate).hexdigest()

    def assertion(self, client: str, house: Doors, alg: str = "ES256", key: Any = None, **changed: Any) -> str:
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        now = int(house.now.timestamp())
        claims = {
            "iss": client,
            "sub": client,
            "aud": f"{ADDRESS}/oauth2/token",
            "exp": now + 60,
            "jti": "1",
            **changed,
        }
        used = key or (ECKey if alg.startswith("ES") else RSAKey).import_key(pem)
        return jwt.encode({"alg": alg}, {k: v for k, v in claims.items() if v is not None}, used, algorithms=[alg])


@pytest.fixture(scope="module")
def house() -> Doors:
    made = Doors.open()
    ensure_units(made)
    return made


@pytest.fixture(autouse=True)
def _pages(house: Doors) -> Iterator[None]:
    house.now = START
    house.use()
    yield
    portal.use(portal.FakeGate(portal.base().gate.connection))  # type: ignore[attr-defined]


def add(house: Doors, client: str, *scopes: str, certificate: bytes | None = None) -> str:
    given = {"client_id": client, "name": f"Hệ thống {client}", "unit": UNIT, "document": DOC, "now": START}
    secret = systems.add(
        house.database, house.home, by=BOSS, scopes=scopes or ("reference",), expires_at=START + YEAR,
        certificate=certificate, **given,
    )  # type: ignore[arg-type]  # fmt: skip
    return secret or ""


def ask(house: Doors, form: dict[str, str], address: str = "10.3.0.1", **headers: str) -> HttpResponse:
    said = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https", "Host": HOST, **headers}
    body = "&".join(f"{name}={value}" for name, value in form.items())
    kind = "application/x-www-form-urlencoded"
    return Client(headers=said, REMOTE_ADDR=PROXY).post("/oauth2/token", body, content_type=kind)


def basic(client: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


def look(path: str, token: str = "", **headers: str) -> HttpResponse:
    said = {"Host": HOST, "X-Forwarded-Proto": "https", **({"Authorization": f"Bearer {token}"} if token else {})}
    return Client(headers={**said, **headers}, REMOTE_ADDR=PROXY).get(path)


def schema(name: str) -> dict[str, Any]:
    document = look("/api/v1/openapi.json").json()
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def test_a_secret_gets_a_short_token_that_tells_who_one_is(house: Doors) -> None:
    secret = add(house, "his-1", "send", "reference")
    for form, headers in (
        ({**FORM, "client_id": "his-1", "client_secret": secret}, {}),
        (FORM, {"Authorization": basic("his-1", secret)}),
    ):
        answer = ask(house, form, **headers)
        assert answer.status_code == 200, answer.content
        assert answer.headers["Cache-Control"] == "no-store"
        jsonschema.validate(answer.json(), schema("Token"))
    assert answer.json()["expires_in"] == NUMBERS.token_minutes * 60
    token = answer.json()["access_token"]
    me = look("/api/v1/me", token)
    jsonschema.validate(me.json(), schema("Me"))
    assert (me.json()["client_id"], me.json()["unit"], me.json()["roles"]) == (
        "his-1", UNIT, ["partner-system", "facility-system"],
    )  # fmt: skip
    assert me.json()["reach"][0]["facilities"] == ["52001"], "a hospital's system reaches its hospital"
    event = audit.recent(house.database, limit=1)[0]
    assert event["agent"][0]["who"] == "client:his-1"
    assert token not in json.dumps(audit.recent(house.database, limit=20))
    house.later(minutes=NUMBERS.token_minutes)
    assert look("/api/v1/me", token).status_code == 401


def test_wrong_proofs_have_one_answer_and_guessing_waits(house: Doors) -> None:
    secret = add(house, "his-2")
    for number, (client, given) in enumerate((("his-2", "x"), ("khong-co", secret), ("his-2\0", secret), ("", ""))):
        answer = ask(house, FORM, address=f"10.3.1.{number}", Authorization=basic(client, given))
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    tries = [ask(house, FORM, Authorization=basic("his-2", "x")).status_code for _ in range(5)]
    assert tries == [401] * 4 + [429]
    house.later(minutes=2)
    assert ask(house, FORM, Authorization=basic("his-2", secret)).status_code == 200


def test_requests_that_are_not_clear_are_refused(house: Doors) -> None:
    secret = add(house, "his-3", "send", "receipt")
    proof = {"Authorization": basic("his-3", secret)}
    for form, error in (
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({**FORM, "scope": "send person"}, "invalid_scope"),
        ({**FORM, "client_id": "his-3", "client_secret": secret}, "invalid_request"),
    ):
        assert ask(house, form, **proof).json() == {"error": error}
    assert ask(house, FORM).json() == {"error": "invalid_request"}
    assert ask(house, {**FORM, "client_id": "his-9"}, **proof).json() == {"error": "invalid_client"}
    assert ask(house, FORM, Authorization="Basic %%%").json() == {"error": "invalid_request"}
    assert ask(house, {**FORM, "scope": "receipt"}, **proof).json()["scope"] == "receipt"
    twice = Client(headers={"Host": HOST, **proof}, REMOTE_ADDR=PROXY).post(
        "/oauth2/token", "grant_type=client_credentials&grant_type=x", content_type="application/x-www-form-urlencoded"
    )
    assert twice.json() == {"error": "invalid_request"}
    as_json = Client(headers={"Host": HOST, **proof}, REMOTE_ADDR=PROXY).post(
        "/oauth2/token", FORM, content_type="application/json"
    )
    assert as_json.json() == {"error": "invalid_request"}


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_an_assertion_is_signed_by_the_clients_key_and_works_once(house: Doors, alg: str) -> None:
    client = f"his-{alg.lower()}"
    made = Certified.make(
        ec.generate_private_key(ec.SECP256R1()) if alg == "ES256" else rsa.generate_private_key(65537, 2048)
    )
    add(house, client, certificate=made.certificate)
    add(house, f"{client}-khac", certificate=Certified.make(ec.generate_private_key(ec.SECP256R1())).certificate)

    def send(assertion: str, **more: str) -> int:
        form = {**FORM, "client_assertion_type": tokens.ASSERTION_TYPE, "client_assertion": assertion, **more}
        return ask(house, form).status_code

    good = made.assertion(client, house, alg)
    assert send(good) == 200
    assert send(good) == 401, "it works once"
    now = int(house.now.timestamp())
    public = made.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    wrong = {
        "aimed at another": made.assertion(client, house, alg, aud="https://kho.example.net", jti="2"),
        "late": made.assertion(client, house, alg, exp=now, jti="3"),
        "too long": made.assertion(client, house, alg, exp=now + 3600, jti="4"),
        "without an end": made.assertion(client, house, alg, exp=None, jti="5"),
        "without a name of its own": made.assertion(client, house, alg, jti=None),
        "not for itself": made.assertion(client, house, alg, sub="his-1", jti="6"),
        "of another client": made.assertion(f"{client}-khac", house, alg, jti="7"),
        "not yet": made.assertion(client, house, alg, nbf=now + 3600, jti="8"),
        "by a shared secret": made.assertion(client, house, "HS256", OctKey.import_key(public.hex()), jti="9"),
        "rubbish": "a.b.c",
        "nothing": "x",
    }
    for name, assertion in wrong.items():
        assert send(assertion) == 401, name
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode() + "." + good.split(".")[1] + "."
    assert send(none) == 401
    assert send(made.assertion(client, house, alg, jti="10"), client_id="his-1") == 401
    assert send(made.assertion(client, house, alg, jti="11", aud=[ADDRESS]), client_id=client) == 200


def test_a_certificate_counts_only_from_the_proxy_and_binds_the_token(house: Doors) -> None:
    made, other = (Certified.make(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    add(house, "his-tls", "product", certificate=made.certificate)
    add(house, "his-tls-2", certificate=other.certificate)
    shown = {"X-Client-Cert-SHA256": made.thumbprint}
    bound = ask(house, {**FORM, "client_id": "his-tls"}, **shown)
    assert bound.status_code == 200, bound.content
    assert ask(house, {**FORM, "client_id": "his-tls-2"}, **shown).status_code == 401
    token = bound.json()["access_token"]
    assert look("/api/v1/me", token, **shown).status_code == 200
    assert look("/api/v1/me", token).status_code == 401, "stolen without the certificate"
    assert look("/api/v1/me", token, **{"X-Client-Cert-SHA256": other.thumbprint}).status_code == 401
    assert look("/api/v1/me", **shown).json()["client_id"] == "his-tls", "the certificate alone"
    for address in ("10.0.0.66", "127.0.0.1"):
        near = Client(headers={"Host": HOST, **shown}, REMOTE_ADDR=address)
        assert near.get("/api/v1/me").status_code == 401, "anybody can write a header"
    house.use(doors=replace(house.reached, certificates=False))
    assert look("/api/v1/me", **shown).status_code == 401, "a proxy that passes headers on vouches for nothing"
    house.use()
    for strange in ("", "x", made.thumbprint[:-2], made.thumbprint + "00"):
        assert look("/api/v1/me", **{"X-Client-Cert-SHA256": strange}).status_code == 401


def test_a_header_with_a_low_line_is_not_taken_for_the_proxys() -> None:
    headers = [(b"X_Client_Cert_SHA256", b"00"), (b"x-forwarded_for", b"10.0.0.1"), (b"accept", b"*/*")]
    made = environ({"method": "GET", "path": "/", "headers": headers}, b"")
    assert {name for name in made if name.startswith("HTTP_")} == {"HTTP_ACCEPT"}


def test_ended_clients_and_foreign_tokens_open_nothing(house: Doors) -> None:
    secret = add(house, "his-4")
    token = ask(house, FORM, Authorization=basic("his-4", secret)).json()["access_token"]
    assert look("/api/v1/me", token).status_code == 200
    systems.end(house.database, house.home, by=BOSS, client_id="his-4", document=DOC, now=house.now)
    assert look("/api/v1/me", token).status_code == 401
    assert ask(house, FORM, Authorization=basic("his-4", secret)).status_code == 401
    for made_up in ("x", "A" * 43, "é", "\x00"):
        assert look("/api/v1/me", made_up).status_code == 401
    assert look("/api/v1/me", **{"Authorization": basic("his-4", secret)}).status_code == 401


def test_default_deny_holds_behind_the_door_too(house: Doors) -> None:
    secret = add(house, "his-5", "send")
    narrow = ask(house, FORM, Authorization=basic("his-5", secret)).json()["access_token"]
    answer = look("/api/v1/datasets", narrow)
    assert (answer.status_code, answer.json()["code"]) == (403, "DENY-SCOPE")
    secret = add(house, "his-6", "product")
    token = ask(house, FORM, Authorization=basic("his-6", secret)).json()["access_token"]
    answer = look("/api/v1/datasets", token)
    jsonschema.validate(answer.json(), schema("Datasets"))
    known = set(look("/api/v1/me", token).json()["datasets"])
    assert {one["id"] for one in answer.json()["datasets"]} == known
    assert not [one for one in known if one.startswith("vault")]
    for query in ("purpose=x", "purpos=van-hanh", "purpose=van-hanh&purpose=giam-sat"):
        assert look(f"/api/v1/datasets?{query}", token).status_code == 400
    assert look("/api/v1/me?x=1", token).json()["code"] == "USE-PARAMETER"


def test_a_system_may_not_ask_without_end(house: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = add(house, "his-7")
    token = ask(house, FORM, Authorization=basic("his-7", secret)).json()["access_token"]
    monkeypatch.setattr("bienho.governance.people.NUMBERS", replace(NUMBERS, client_minute_requests=2))
    portal.RATES.forget()
    assert [look("/api/v1/me?x=1", token).status_code for _ in range(3)] == [400, 400, 429]


def test_the_document_names_every_address_of_this_door(house: Doors) -> None:
    document = look("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    routes = [str(one.pattern) for one in urlpatterns if str(one.pattern).startswith(("api/v1/", "oauth2/"))]
    real = {"/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route) for route in routes}
    assert set(document["paths"]) == real
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            other = "post" if method == "get" else "get"
            asked = path.format(delivery_id="D000000000001", key="ab" * 16)
            assert getattr(Client(headers={"Host": HOST}), other)(asked).status_code in (401, 405), path
            assert {"200", "201"} & set(operation["responses"])
    jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"]["Me"])
