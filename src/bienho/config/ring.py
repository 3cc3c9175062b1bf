"""The sealed ring of a home: `keyring.json`, in which the keys that open the data lie wrapped under the master key.

    {"format": 1, "active": 2, "retiring": [],
     "versions": [{"version": 2, "provider": "file", "reference": 2, "identity": …, "wrap": …}]}

Two kinds of keys are in it (ADR 16):
- the *identity secret*, the same under every version: everything that names or chains is derived from it, so changing
  it would rename every patient in the lake;
- one *wrap key* per version, under which the data keys of patients are wrapped: this is what rotation replaces.

The file is no secret without a master key, and worth nothing without the file: a backup carries a copy in its head.
A home of layout 1 has none: its master key is itself the identity secret, and version 1 wraps under a key derived from
it. Its first rotation writes the ring.
"""

from __future__ import annotations

import base64
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import orjson

from bienho.config.providers import KEY_BYTES, WHO, KeyProvider
from bienho.core.errors import ConfigError

T = TypeVar("T")
RING = "keyring.json"
FORMAT = 1
Providers = Callable[[str], KeyProvider]
"""Name of a provider → the provider."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the ring holds under one version of the master key."""

    version: int
    provider: str
    reference: int
    identity: bytes
    wrap: bytes


@dataclass(frozen=True, slots=True)
class Ring:
    """The sealed ring as it lies on disk. `versions` ascend; new data keys are wrapped under `active`.

    `retiring`: (provider, reference) of master keys that seal nothing any more and are still to be destroyed.
    """

    active: int
    versions: tuple[Sealed, ...]
    retiring: tuple[tuple[str, int], ...] = ()

    def sealed(self, version: int) -> Sealed | None:
        """What is sealed under a version, if the ring still has it."""
        return next((one for one in self.versions if one.version == version), None)

    def with_version(self, fresh: Sealed) -> Ring:
        """The ring with a newest version, now active."""
        return replace(self, active=fresh.version, versions=(*self.versions, fresh))

    def without(self, gone: Sealed) -> Ring:
        """The ring without a version that is not the active one; its master key is to be destroyed."""
        left = tuple(one for one in self.versions if one.version != gone.version)
        return replace(self, versions=left, retiring=(*self.retiring, (gone.provider, gone.reference)))

    def as_bytes(self) -> bytes:
        """One line of JSON."""
        versions = [
            {
                "version": one.version,
                "provider": one.provider,
                "reference": one.reference,
                "identity": base64.b64encode(one.identity).decode(),
                "wrap": base64.b64encode(one.wrap).decode(),
            }
            for one in self.versions
        ]
        return orjson.dumps(
            {"format": FORMAT, "active": self.active, "versions": versions, "retiring": list(self.retiring)}
        )

    @classmethod
    def parse(cls, data: bytes) -> Ring:
        """ConfigError CFG-KEY-RING for anything that `as_bytes` did not write."""
        try:
            stored = orjson.loads(data)
            versions = tuple(
                Sealed(
                    int(one["version"]),
                    str(one["provider"]),
                    int(one["reference"]),
                    base64.b64decode(one["identity"], validate=True),
                    base64.b64decode(one["wrap"], validate=True),
                )
                for one in stored["versions"]
            )
            retiring = tuple((str(name), int(reference)) for name, reference in stored["retiring"])
            ring = cls(int(stored["active"]), versions, retiring)
            whole = stored["format"] == FORMAT and ring.sealed(ring.active) is not None
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise _unreadable("hỏng hoặc do phiên bản chương trình mới hơn ghi")
        return ring


def ring_path(home: Path) -> Path:
    """Where the sealed ring of a home lies."""
    return home / RING


def read_ring(home: Path) -> Ring | None:
    """The ring of a home; None when there is none."""
    try:
        return Ring.parse(ring_path(home).read_bytes())
    except FileNotFoundError:
        return None


def write_ring(home: Path, ring: Ring) -> None:
    """Put a ring in place by one rename, durable when this returns."""
    path = ring_path(home)
    temporary = path.with_name(f"{RING}.{os.getpid()}.{threading.get_ident()}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(ring.as_bytes())
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    descriptor = os.open(home, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal(home_id: str, provider: KeyProvider, version: int, reference: int, identity: bytes, wrap: bytes) -> Sealed:
    """The two keys of a version under its master key."""
    return Sealed(
        version,
        provider.name,
        reference,
        provider.wrap(reference, identity, _context(home_id, version, "identity")),
        provider.wrap(reference, wrap, _context(home_id, version, "wrap")),
    )


def open_identity(home_id: str, providers: Providers, sealed: Sealed) -> bytes:
    """The identity secret of a ring."""
    context = _context(home_id, sealed.version, "identity")
    return providers(sealed.provider).unwrap(sealed.reference, sealed.identity, context)


def open_wrap(home_id: str, providers: Providers, sealed: Sealed) -> bytes:
    """The wrap key of a version."""
    context = _context(home_id, sealed.version, "wrap")
    return providers(sealed.provider).unwrap(sealed.reference, sealed.wrap, context)


def new_secret() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


@dataclass(frozen=True, slots=True, repr=False)
class WrapKeys:
    """The wrap keys at hand by version, and the version that new data keys are wrapped under."""

    active: int
    keys: Mapping[int, bytes]


class Follower:
    """The wrap keys of a home as its ring changes: one `stat` when it did not, the provider asked when it did.

    A key once opened stays in this process's memory, so a reader with a row of before a rotation can open it.
    """

    def __init__(self, home: Path, home_id: str, providers: Providers, before: Mapping[int, bytes]) -> None:
        self._home = home
        self._home_id = home_id
        self._providers = providers
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._keys = WrapKeys(1, dict(before))

    def __call__(self) -> WrapKeys:
        with self._lock:
            try:
                facts = ring_path(self._home).stat()
            except FileNotFoundError:
                if self._seen is None and self._keys.keys:
                    return self._keys
                raise missing() from None
            seen = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
            if seen != self._seen:
                self._keys, self._seen = settled(self._home, self._opened), seen
            return self._keys

    def _opened(self, ring: Ring | None) -> WrapKeys:
        if ring is None:
            raise missing()
        fresh = {
            one.version: open_wrap(self._home_id, self._providers, one)
            for one in ring.versions
            if one.version not in self._keys.keys
        }
        return WrapKeys(ring.active, {**self._keys.keys, **fresh})


def settled(home: Path, work: Callable[[Ring | None], T]) -> T:
    """What `work` makes of the ring of a home, of the newest one when the ring changed meanwhile.

    A master key is destroyed after its version has left the ring: whoever read the ring before finds the key missing,
    which is no fault of the home.
    """
    while True:
        ring = read_ring(home)
        try:
            return work(ring)
        except ConfigError:
            if read_ring(home) == ring:
                raise


def missing() -> ConfigError:
    """The error for a home whose ring is lost."""
    return _unreadable("không thấy")


def _unreadable(why: str) -> ConfigError:
    return ConfigError(
        "CFG-KEY-RING",
        f"Vòng khóa {RING} của thư mục dữ liệu này: {why}.",
        hint="Lấy lại tệp này từ bản sao (mỗi bản sao lưu có một bản ở đầu tệp); đừng tạo vòng khóa mới.",
        who=WHO,
    )


def _context(home_id: str, version: int, what: str) -> bytes:
    return f"bienho ring 1|{home_id}|{version}|{what}".encode()
