"""A small OpenID provider inside the test process, signed by a key of its own; it can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from bienho.governance.people import outside

ISSUER, CLIENT, SECRET = "https://sso.example.vn", "bienho", "một bí mật: của/kho"


def _key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)


@dataclass
class Provider:
    """`claims` and `header` change what it signs; `sign` replaces the whole token; `document` its discovery."""

    subject: str = "nguoi-1"
    claims: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    down: bool = False
    key: RSAKey = field(default_factory=_key)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    now: Callable[[], int] = lambda: 0

    def __call__(self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes:
        """What the house fetches."""
        self.asked.append(url)
        if self.down:
            raise outside.away("TimeoutError")
        path = urlsplit(url).path
        if path == "/.well-known/openid-configuration":
            return json.dumps({**self._described(), **self.document}).encode()
        if path == "/keys":
            return json.dumps(KeySet([self.key]).as_dict(private=False)).encode()
        assert path == "/token"
        assert form is not None
        return json.dumps(self._exchange(form, headers)).encode()

    def authorize(self, location: str) -> dict[str, str]:
        """What a browser that follows the redirect brings back, after its owner agreed."""
        parts = urlsplit(location)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == ISSUER + "/authorize"
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": ISSUER}

    def _described(self) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "authorization_endpoint": ISSUER + "/authorize",
            "token_endpoint": ISSUER + "/token",
            "jwks_uri": ISSUER + "/keys",
            "authorization_response_iss_parameter_supported": True,
        }

    def _exchange(self, form: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        asked = self.codes.pop(form["code"], None)
        if asked is None:
            raise outside.away("mã trả lời 400")
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        assert form["redirect_uri"] == asked["redirect_uri"]
        assert headers["Authorization"].startswith("Basic ")
        claims = {
            "iss": ISSUER,
            "sub": self.subject,
            "aud": CLIENT,
            "nonce": asked["nonce"],
            "iat": self.now(),
            "exp": self.now() + 300,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.sign(claims) if self.sign else jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}
