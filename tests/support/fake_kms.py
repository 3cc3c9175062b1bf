"""A small key service as a process of its own: the few questions of a transit engine, and ways to misbehave.

python -m support.fake_kms        prints its port; how it behaves is the last word of the key's name
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "s.only-in-tests"
KEYS: dict[str, dict[int, bytes]] = {}
LEAST: dict[str, int] = {}


class Handler(BaseHTTPRequestHandler):
    """One request. Errors of the service are answered as the real one does, in JSON."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _serve(self, asked: dict[str, Any] | None) -> None:
        words = self.path.removeprefix("/v1/transit/").split("/")
        name = words[1]
        versions = KEYS.setdefault(name, {1: AESGCM.generate_key(256)})
        if name.endswith("slow"):
            time.sleep(30)
        if name.endswith("trickle"):
            self.send_response(200)
            self.end_headers()
            for _ in range(300):
                self.wfile.write(b" ")
                time.sleep(0.1)
            return
        if name.endswith("endless"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * (1 << 20))
            return
        if name.endswith("garbage"):
            self._answer(200, b"<html>")
            return
        if self.headers["X-Vault-Token"] != TOKEN:
            self._answer(403, b'{"errors":["permission denied"]}')
            return
        try:
            self._answer(200, json.dumps({"data": act(words, name, versions, asked or {})}).encode())
        except (InvalidTag, ValueError, KeyError):
            self._answer(400, b'{"errors":["invalid ciphertext"]}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def act(words: list[str], name: str, versions: dict[int, bytes], asked: dict[str, Any]) -> dict[str, Any]:
    if words[0] == "encrypt":
        number, nonce = int(asked["key_version"]), os.urandom(12)
        sealed = AESGCM(versions[number]).encrypt(
            nonce, base64.b64decode(asked["plaintext"]), base64.b64decode(asked["associated_data"])
        )
        return {"ciphertext": f"vault:v{number}:{base64.b64encode(nonce + sealed).decode()}"}
    if words[0] == "decrypt":
        _, version, text = asked["ciphertext"].split(":")
        number, data = int(version[1:]), base64.b64decode(text)
        if number < LEAST.get(name, 1):
            raise ValueError
        opened = AESGCM(versions[number]).decrypt(data[:12], data[12:], base64.b64decode(asked["associated_data"]))
        return {"plaintext": base64.b64encode(opened).decode()}
    if words[-1] == "rotate":
        versions[max(versions) + 1] = AESGCM.generate_key(256)
    elif words[-1] == "config":
        LEAST[name] = int(asked["min_decryption_version"])
    return {"latest_version": max(versions), "min_decryption_version": LEAST.get(name, 1)}


@contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    """The settings that point to a service of its own."""
    token = folder / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    process = subprocess.Popen(
        [sys.executable, "-m", "support.fake_kms"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield {"BIENHO_KMS_URL": f"http://127.0.0.1:{port}/v1/transit", "BIENHO_KMS_TOKEN_FILE": str(token)}
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
