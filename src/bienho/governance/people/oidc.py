"""OpenID Connect with an outside sign-in service: the code flow with PKCE, state, nonce, and every check of the answer.

Nothing of a flow is stored but the digest of its state, which works once. The browser keeps one random value in a
cookie; state, nonce and the PKCE verifier are derived from it with a key of the house, so an answer that was begun in
another browser, or asked of another service, fits nowhere (RFC 6749 section 10.12, RFC 7636, RFC 9207, RFC 9700).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode, urlsplit

import orjson

from bienho.config import Home, Sso, load_keys
from bienho.core.deferred import deferred
from bienho.core.errors import ConfigError, DeniedError
from bienho.database import Database, Role, storage_errors
from bienho.governance.people import door_secrets, outside, sessions
from bienho.governance.people.external import Identity
from bienho.governance.people.outside import Fetch
from bienho.governance.people.rules import NUMBERS

if TYPE_CHECKING:
    from authlib.oauth2 import rfc7636
    from authlib.oidc import core as oidc
    from joserfc import errors, jwk, jwt
else:
    rfc7636, oidc = deferred("authlib.oauth2.rfc7636"), deferred("authlib.oidc.core")
    errors, jwk, jwt = deferred("joserfc.errors"), deferred("joserfc.jwk"), deferred("joserfc.jwt")

FLOW_KEY = "people/sso-flow"
ALGORITHMS = ("RS256", "PS256", "ES256")
"""Signatures that are accepted; `none` and shared secrets are not among them, whatever the token says of itself."""
LEEWAY_SECONDS = 60
SCOPE = "openid"
DISCOVERY = "/.well-known/openid-configuration"
_SUBJECT_MOST = 255


@dataclass(frozen=True, slots=True)
class Started:
    """Where to send the browser, and what it must keep in a cookie until it comes back."""

    url: str
    kept: str


@dataclass(frozen=True, slots=True)
class Service:
    """One configured service as the house talks to it. Its documents are fetched for each flow: keys may have moved."""

    db: Database
    home: Home
    sso: Sso
    redirect_uri: str
    fetch: Fetch = outside.https

    def start(self, now: datetime) -> Started:
        """Begin a flow. StorageError STO-SSO when the service is away, ConfigError CFG-SSO when it is another one."""
        described = self._describe()
        kept = secrets.token_urlsafe(32)
        state = self._derive("state", kept)
        with self.db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute("DELETE FROM governance.once WHERE expires_at <= %s", (now,))
            connection.execute(
                "INSERT INTO governance.once (digest, matter, expires_at) VALUES (%s, 'sso', %s)",
                (sessions.digest(state), now + timedelta(minutes=NUMBERS.challenge_minutes)),
            )
        asked = {
            "response_type": "code",
            "client_id": self.sso.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": self._derive("nonce", kept),
            "code_challenge": rfc7636.create_s256_code_challenge(self._derive("verifier", kept)),
            "code_challenge_method": "S256",
        }
        if self.sso.acr_two_factors:
            asked["acr_values"] = " ".join(sorted(self.sso.acr_two_factors))
        address = described["authorization_endpoint"]
        return Started(f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}", kept)

    def finish(self, given: Mapping[str, str], kept: str, now: datetime) -> Identity:
        """Who came back. `given`: the parameters of the redirect; `kept`: the browser's cookie.

        DeniedError DENY-SSO for whatever does not fit; StorageError STO-SSO when the service is away.
        """
        state = self._derive("state", kept) if kept else ""
        if not state or not hmac.compare_digest(state.encode(), given.get("state", "").encode()):
            raise denied()
        with self.db.connect(Role.GOVERNANCE) as connection, storage_errors():
            taken = connection.execute(
                "DELETE FROM governance.once WHERE digest = %s AND matter = 'sso' AND expires_at > %s",
                (sessions.digest(state), now),
            )
            if taken.rowcount != 1:
                raise denied()
        described = self._describe()
        told = given.get("iss", "")
        if told != self.sso.issuer and (told or described.get("authorization_response_iss_parameter_supported")):
            raise denied()  # the answer of another service (mix-up)
        if given.get("error") or not given.get("code"):
            raise denied()
        tokens = self._exchange(described, given["code"], self._derive("verifier", kept))
        return self._verified(described, tokens, self._derive("nonce", kept), now)

    def _derive(self, what: str, kept: str) -> str:
        """A value of this flow of 256 bits (43 URL-safe characters), bound to service and client."""
        key = load_keys(self.home).derive(FLOW_KEY)
        told = "\0".join((what, self.sso.issuer, self.sso.client_id, kept))
        return base64.urlsafe_b64encode(hmac.new(key, told.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()

    def _describe(self) -> dict[str, Any]:
        """The discovery document, when it speaks of the configured issuer and names https addresses of known hosts."""
        described = self._json(self.sso.issuer.rstrip("/") + DISCOVERY, None, {})
        hosts = {urlsplit(self.sso.issuer).hostname, *self.sso.hosts}
        addresses = [described.get(f"{name}_endpoint") for name in ("authorization", "token")]
        for address in (*addresses, described.get("jwks_uri")):
            parts = urlsplit(address if isinstance(address, str) else "")
            if parts.scheme != "https" or parts.hostname not in hosts:
                raise _misconfigured("địa chỉ dịch vụ nêu không phải https của máy đã biết")
        if described.get("issuer") != self.sso.issuer:
            raise _misconfigured("dịch vụ tự xưng là một issuer khác")
        return described

    def _exchange(self, described: Mapping[str, Any], code: str, verifier: str) -> dict[str, Any]:
        secret = door_secrets.find(self.db, self.home, door_secrets.SSO)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.sso.client_id,
            "code_verifier": verifier,
        }
        headers = {}
        if secret is not None:  # RFC 6749 section 2.3.1: both parts form-encoded
            pair = f"{quote(self.sso.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return self._json(str(described["token_endpoint"]), form, headers)

    def _verified(self, described: Mapping[str, Any], tokens: Mapping[str, Any], nonce: str, now: datetime) -> Identity:
        given = tokens.get("id_token")
        if not isinstance(given, str) or len(given) > outside.ANSWER_BYTES_MAX:
            raise denied()
        keys = self._json(str(described["jwks_uri"]), None, {})
        try:
            token = jwt.decode(given, jwk.KeySet.import_key_set(cast("Any", keys)), algorithms=list(ALGORITHMS))
            claims = oidc.CodeIDToken(
                token.claims,
                token.header,
                {"iss": {"essential": True, "value": self.sso.issuer}, "sub": {"essential": True}},
                {"nonce": nonce, "client_id": self.sso.client_id, "access_token": tokens.get("access_token")},
            )
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
        except (errors.JoseError, ValueError, TypeError, KeyError):
            raise denied() from None
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        subject = claims["sub"]
        if self.sso.client_id not in audience or claims.get("nonce") != nonce or claims["iss"] != self.sso.issuer:
            raise denied()
        if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_MOST:
            raise denied()
        return Identity(self.sso.issuer, subject, self._two_factors(claims))

    def _two_factors(self, claims: Mapping[str, Any]) -> bool:
        """Only what the configuration names stands for two factors; a claim that is missing stands for one."""
        level, methods = claims.get("acr"), claims.get("amr")
        seen = {one for one in methods if isinstance(one, str)} if isinstance(methods, list) else set()
        named = isinstance(level, str) and level in self.sso.acr_two_factors
        return named or bool(self.sso.amr_two_factors & seen)

    def _json(self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> dict[str, Any]:
        try:
            found = orjson.loads(self.fetch(url, form, headers))
        except orjson.JSONDecodeError:
            raise outside.away("câu trả lời không phải JSON") from None
        if not isinstance(found, dict):
            raise outside.away("câu trả lời không đúng dạng")
        return found


def denied() -> DeniedError:
    """The one answer to whatever does not fit: which check failed is of use to an attacker only."""
    return DeniedError(
        "DENY-SSO",
        "Lần đăng nhập qua dịch vụ bên ngoài không hoàn thành.",
        hint="Bắt đầu lại từ trang đăng nhập, trong cùng trình duyệt và trong vòng 5 phút.",
        who="người đăng nhập",
    )


def _misconfigured(what: str) -> ConfigError:
    return ConfigError(
        "CFG-SSO",
        f"Dịch vụ đăng nhập bên ngoài không khớp với cấu hình: {what}.",
        hint="Kiểm tra phần sso của doors.yaml với đơn vị quản lý dịch vụ đó.",
        who="người vận hành",
    )
