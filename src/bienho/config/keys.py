"""The keys of a home: one secret that names, and versions of a key that wraps (ADR 16).

Promise 6: keys never lie beside the data they open. The master key is kept by a provider (`providers.py`): a file of
mode 0600 under `~/.config/bienho/keys/`, or the one named by `BIENHO_KEY_FILE`; or an outside service (`kms.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bienho.config.home import Home
from bienho.config.kms import URL, KmsKeys
from bienho.config.providers import KEY_BYTES, WHO, FileKeys, KeyProvider
from bienho.config.ring import (
    Follower,
    Providers,
    Ring,
    WrapKeys,
    missing,
    new_secret,
    open_identity,
    open_wrap,
    read_ring,
    seal,
    settled,
    write_ring,
)
from bienho.core.errors import ConfigError

LEGACY_LAYOUT = 1
"""Homes of this layout were made before there was a ring."""


class KeyRing:
    """Derives one independent key per purpose from the identity secret, and holds the wrap keys of data keys.

    Never prints or pickles any of them. Safe to share between threads.
    """

    __slots__ = ("_follow", "_home_id", "_identity")

    def __init__(self, home_id: str, identity: bytes, follow: Callable[[], WrapKeys] | None = None) -> None:
        if len(identity) != KEY_BYTES:
            raise ConfigError("CFG-KEY-BROKEN", "Tệp khóa không đúng độ dài 32 byte.", hint="Khôi phục từ bản sao.")
        self._home_id = home_id
        self._identity = identity
        fixed = WrapKeys(1, {1: self.derive("privacy/wrap")})
        self._follow = follow or (lambda: fixed)

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose (HKDF-SHA256, RFC 5869; salt = home id, info = purpose).

        Derived from the identity secret, which a rotation of the master key leaves as it is.
        """
        info = b"bienho/" + purpose.encode()
        return HKDF(SHA256(), KEY_BYTES, salt=self._home_id.encode(), info=info).derive(self._identity)

    def wrap_keys(self) -> WrapKeys:
        """The keys that data keys are wrapped under, as they are now: a rotation elsewhere is noticed here."""
        return self._follow()

    def __repr__(self) -> str:
        return f"KeyRing(home_id={self._home_id!r})"

    def __reduce__(self) -> str:
        raise TypeError("keys are not pickled")


def key_path(home: Home) -> Path:
    """Where the file of this home's newest master key is expected; of the first, where an outside service has it."""
    path = _first_path(home)
    ring = read_ring(home.path)
    newest = ring.sealed(ring.active) if ring else None
    if newest is None or newest.provider != FileKeys.name:
        return path
    return FileKeys(home.home_id, path).path(newest.reference)


def key_files(home: Home) -> FileKeys:
    """The provider of key files; ConfigError CFG-KEY-BESIDE-DATA when they would lie inside the home."""
    path = _first_path(home)
    if path.resolve().is_relative_to(home.path.resolve()):
        raise ConfigError(
            "CFG-KEY-BESIDE-DATA",
            "Tệp khóa nằm trong thư mục dữ liệu mà nó mở.",
            hint="Chuyển tệp khóa ra ngoài BIENHO_HOME.",
        )
    return FileKeys(home.home_id, path)


def providers_of(home: Home) -> Providers:
    """The providers of a home by name; each is made when it is asked for."""

    def find(name: str) -> KeyProvider:
        if name == FileKeys.name:
            return key_files(home)
        if name == KmsKeys.name:
            return KmsKeys.from_environment(home.home_id)
        raise ConfigError("CFG-KEY-PROVIDER", f"Không biết nơi giữ khóa “{name}”.", who=WHO)

    return find


def new_versions_provider(home: Home) -> KeyProvider:
    """Who keeps master keys made from now on: the outside service where one is set, else key files."""
    return providers_of(home)(KmsKeys.name if os.environ.get(URL) else FileKeys.name)


def create_key(home: Home) -> Path:
    """A master key and a sealed ring for a home that was just made; neither is ever replaced.

    Done again after a kill it finishes. ConfigError CFG-KEY-RING for a home that holds data and has lost its ring.
    """
    ring = read_ring(home.path)
    if home.layout == LEGACY_LAYOUT:
        key_files(home).create(1, ())
    elif ring is None:
        if home.raw_dir.exists() and any(home.raw_dir.glob("*.seg")):
            raise missing()
        provider = new_versions_provider(home)
        reference = provider.create(1, ())
        write_ring(home.path, Ring(1, (seal(home.home_id, provider, 1, reference, new_secret(), new_secret()),)))
    return key_path(home)


def load_keys(home: Home, ring: Ring | None = None) -> KeyRing:
    """The keys of a home; a missing, readable-by-others or misplaced key is a ConfigError, never a new key.

    `ring` stands for the one in the home, for a backup that is not unpacked yet.
    """
    if ring is None:
        return settled(home.path, lambda found: _loaded(home, found))
    return _loaded(home, ring, fixed=True)


def _loaded(home: Home, found: Ring | None, *, fixed: bool = False) -> KeyRing:
    providers = providers_of(home)
    if found is None:
        if home.layout != LEGACY_LAYOUT:
            raise missing()
        identity = key_files(home).master(1)
        first = KeyRing(home.home_id, identity).wrap_keys().keys
        return KeyRing(home.home_id, identity, Follower(home.path, home.home_id, providers, first))
    newest = found.sealed(found.active)
    if newest is None:
        raise missing()
    identity = open_identity(home.home_id, providers, newest)
    if fixed:
        keys = WrapKeys(found.active, {one.version: open_wrap(home.home_id, providers, one) for one in found.versions})
        return KeyRing(home.home_id, identity, lambda: keys)
    follow = Follower(home.path, home.home_id, providers, {})
    follow()
    return KeyRing(home.home_id, identity, follow)


def adopt_ring(home: Home) -> Ring:
    """The ring of a home; one of layout 1 gets its first, which says what its key file has always meant."""
    ring = read_ring(home.path)
    if ring is not None:
        return ring
    if home.layout != LEGACY_LAYOUT:
        raise missing()
    files = key_files(home)
    identity = files.master(1)
    wrap = KeyRing(home.home_id, identity).wrap_keys().keys[1]
    ring = Ring(1, (seal(home.home_id, files, 1, 1, identity, wrap),))
    write_ring(home.path, ring)
    return ring


def add_version(home: Home, version: int) -> Ring:
    """A new master key that seals the ring from now on; one that a killed try left at its provider is taken again.

    The caller lets no other process change the ring meanwhile.
    """
    ring = adopt_ring(home)
    newest = ring.sealed(ring.active)
    if newest is None:
        raise missing()
    providers, provider = providers_of(home), new_versions_provider(home)
    used = [one.reference for one in ring.versions if one.provider == provider.name]
    identity = open_identity(home.home_id, providers, newest)
    reference = provider.create(version, used)
    ring = ring.with_version(seal(home.home_id, provider, version, reference, identity, new_secret()))
    write_ring(home.path, ring)
    return ring


def drop_version(home: Home, version: int) -> None:
    """Take a version out of the ring, then give up its master key; done again after a kill it finishes.

    The caller has seen that nothing is wrapped under it, and lets no other process change the ring meanwhile.
    """
    ring = adopt_ring(home)
    gone = ring.sealed(version)
    if version == ring.active:
        raise ValueError("the active version is not dropped")
    if gone is not None:
        ring = ring.without(gone)
        write_ring(home.path, ring)
    providers = providers_of(home)
    for name, reference in ring.retiring:
        providers(name).destroy(reference)
    if ring.retiring:
        write_ring(home.path, replace(ring, retiring=()))


def _first_path(home: Home) -> Path:
    named = os.environ.get("BIENHO_KEY_FILE")
    if named:
        return Path(named).absolute()
    base = os.environ.get("XDG_CONFIG_HOME")
    root = Path(base) if base else Path.home() / ".config"
    return root / "bienho" / "keys" / f"{home.home_id}.key"
