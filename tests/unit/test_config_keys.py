"""The sealed ring, its versions, the two providers of master keys, and the two envelopes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bienho.config import (
    Home,
    add_version,
    adopt_ring,
    combine_key,
    create_key,
    drop_version,
    key_path,
    load_keys,
    read_ring,
    split_key,
    write_ring,
)
from bienho.config import keys as keys_module
from bienho.config import ring as ring_module
from bienho.config.kms import KmsKeys
from bienho.config.ring import Ring, ring_path
from bienho.core.errors import BienhoError
from support.fake_kms import serving


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("BIENHO_KEY_FILE", "BIENHO_KMS_URL", "BIENHO_KMS_TOKEN_FILE", "BIENHO_KMS_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config" / "bienho" / "keys"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.create(tmp_path / "nhà dữ liệu")
    create_key(made)
    return made


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with serving(tmp_path_factory.mktemp("kms")) as settings:
        yield settings


def code(error: pytest.ExceptionInfo[BienhoError]) -> str:
    return error.value.code


def test_a_rotation_changes_what_wraps_and_nothing_that_names(home: Home) -> None:
    keys = load_keys(home)
    before, named = keys.wrap_keys(), keys.derive("privacy/patient-key")
    add_version(home, 2)
    again = load_keys(home)
    assert again.derive("privacy/patient-key") == named
    assert keys.wrap_keys().active == again.wrap_keys().active == 2
    assert keys.wrap_keys().keys == again.wrap_keys().keys
    assert set(again.wrap_keys().keys) == {1, 2}
    assert again.wrap_keys().keys[1] == before.keys[1] != again.wrap_keys().keys[2]


def test_neither_the_key_file_nor_the_ring_alone_opens_anything(home: Home, config: Path) -> None:
    identity, wraps = load_keys(home)._identity, load_keys(home).wrap_keys().keys
    text = ring_path(home.path).read_bytes() + key_path(home).read_bytes()
    assert not any(secret in text or secret.hex().encode() in text for secret in (identity, *wraps.values()))
    key_path(home).write_bytes(bytes(range(32)))
    with pytest.raises(BienhoError) as told:
        load_keys(home)
    assert code(told) == "CFG-KEY-UNWRAP"


def test_an_old_version_goes_with_its_file_and_an_old_file_opens_nothing(home: Home, config: Path) -> None:
    old = key_path(home).read_bytes()
    identity = load_keys(home)._identity
    add_version(home, 2)
    with pytest.raises(ValueError, match="active"):
        drop_version(home, 2)
    drop_version(home, 1)
    drop_version(home, 1)
    assert [path.name for path in config.iterdir()] == [f"{home.home_id}.2.key"]
    assert load_keys(home)._identity == identity
    key_path(home).write_bytes(old)  # who took the file of before holds nothing now
    with pytest.raises(BienhoError) as told:
        load_keys(home)
    assert code(told) == "CFG-KEY-UNWRAP"


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("after", ["create", "write_ring", "destroy", "nothing"])
@pytest.mark.parametrize("passage", [1, 2])
def test_cut_short_anywhere_the_same_call_finishes(
    home: Home, config: Path, monkeypatch: pytest.MonkeyPatch, after: str, passage: int
) -> None:
    identity = load_keys(home)._identity
    left = [passage]

    def deadly(real):  # type: ignore[no-untyped-def]
        def go(*given, **named):  # type: ignore[no-untyped-def]
            result = real(*given, **named)
            left[0] -= 1
            if not left[0]:
                raise Killed
            return result

        return go

    with monkeypatch.context() as planted:
        if after == "write_ring":
            planted.setattr(keys_module, "write_ring", deadly(keys_module.write_ring))
        elif after != "nothing":
            planted.setattr(keys_module.FileKeys, after, deadly(getattr(keys_module.FileKeys, after)))
        try:
            add_version(home, 2)
            drop_version(home, 1)
        except Killed:
            pass
    ring = read_ring(home.path)
    assert ring is not None
    assert load_keys(home)._identity == identity
    if ring.active == 1:
        add_version(home, 2)
    drop_version(home, 1)
    ring = read_ring(home.path)
    assert ring is not None
    assert (ring.active, len(ring.versions), ring.retiring) == (2, 1, ())
    assert [path.name for path in config.iterdir()] == [f"{home.home_id}.2.key"]
    assert load_keys(home)._identity == identity


@pytest.mark.parametrize("loaded", [True, False], ids=["keys in use", "keys being loaded"])
def test_a_key_given_up_while_the_ring_is_read_is_not_missing(
    home: Home, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    """Whoever read the ring a moment before finds the file of the old version gone."""
    keys = load_keys(home)
    for version in (2, 3):
        add_version(home, version)
    drop_version(home, 1)
    stale, real = read_ring(home.path), ring_module.read_ring
    given = [stale]
    monkeypatch.setattr(ring_module, "read_ring", lambda path: given.pop() if given else real(path))
    drop_version(home, 2)
    assert (keys if loaded else load_keys(home)).wrap_keys().active == 3
    assert not given


def test_an_empty_key_file_of_a_killed_try_is_no_key(home: Home, config: Path) -> None:
    (config / f"{home.home_id}.2.key").touch(0o600)
    add_version(home, 2)
    assert len((config / f"{home.home_id}.2.key").read_bytes()) == 32


def test_a_home_of_before_keeps_its_keys_and_gets_a_ring_at_its_first_rotation(tmp_path: Path) -> None:
    made = Home.create(tmp_path / "cũ")
    marker = json.loads((made.path / "home.json").read_text())
    (made.path / "home.json").write_text(json.dumps({**marker, "layout": 1}))
    home = Home.open(made.path)
    create_key(home)
    assert read_ring(home.path) is None
    keys = load_keys(home)
    assert keys._identity == key_path(home).read_bytes()
    assert keys.wrap_keys().keys == {1: keys.derive("privacy/wrap")}
    add_version(home, 2)
    assert keys.wrap_keys().active == 2
    assert load_keys(home)._identity == keys._identity
    assert load_keys(home).wrap_keys().keys[1] == keys.derive("privacy/wrap")


def test_a_lost_or_broken_ring_is_never_replaced(home: Home) -> None:
    kept = ring_path(home.path).read_bytes()
    assert Ring.parse(kept) == adopt_ring(home)
    for broken in (b"", b"{}", kept[:-5], kept.replace(b'"format":1', b'"format":9')):
        ring_path(home.path).write_bytes(broken)
        with pytest.raises(BienhoError) as told:
            load_keys(home)
        assert code(told) == "CFG-KEY-RING"
    ring_path(home.path).unlink()
    (home.raw_dir / "raw-00000001.seg").touch()
    for call in (load_keys, create_key, adopt_ring):
        with pytest.raises(BienhoError) as told:
            call(home)
        assert code(told) == "CFG-KEY-RING"
    write_ring(home.path, Ring.parse(kept))
    assert load_keys(home).wrap_keys().active == 1


def test_a_master_key_at_a_service_never_lies_here(
    tmp_path: Path, config: Path, service: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in service.items():
        monkeypatch.setenv(name, value)
    home = Home.create(tmp_path / "kms")
    create_key(home)
    identity = load_keys(home)._identity
    assert not config.exists()
    add_version(home, 2)
    drop_version(home, 1)
    drop_version(home, 1)
    keys = load_keys(home)
    assert (keys._identity, set(keys.wrap_keys().keys)) == (identity, {2})
    token = Path(service["BIENHO_KMS_TOKEN_FILE"])
    token.chmod(0o644)
    with pytest.raises(BienhoError) as told:
        load_keys(home)
    token.chmod(0o600)
    assert code(told) == "CFG-KMS"
    monkeypatch.delenv("BIENHO_KMS_URL")
    with pytest.raises(BienhoError) as told:
        load_keys(home)
    assert code(told) == "CFG-KMS"


def test_a_rotation_moves_a_home_from_its_file_to_a_service(
    home: Home, config: Path, service: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = load_keys(home)._identity
    for name, value in service.items():
        monkeypatch.setenv(name, value)
    ring = add_version(home, 2)
    assert [(one.provider, one.reference) for one in ring.versions] == [("file", 1), ("kms", 1)]
    drop_version(home, 1)
    assert list(config.iterdir()) == []
    assert load_keys(home)._identity == identity


def test_a_service_takes_up_the_version_a_killed_try_left(service: dict[str, str]) -> None:
    kms = KmsKeys.from_environment("left", service)
    assert kms.create(1, ()) == 1
    assert kms.create(2, [1]) == 2
    assert kms.create(2, [1]) == 2
    sealed = kms.wrap(2, b"s" * 32, b"here")
    assert kms.unwrap(2, sealed, b"here") == b"s" * 32
    with pytest.raises(BienhoError) as told:
        kms.unwrap(2, sealed, b"there")
    assert code(told) == "CFG-KEY-UNWRAP"
    kms.destroy(1)
    kms.destroy(1)
    assert kms.unwrap(2, sealed, b"here") == b"s" * 32
    kms.destroy(2)
    with pytest.raises(BienhoError) as told:
        kms.unwrap(2, sealed, b"here")
    assert code(told) == "CFG-KEY-UNWRAP"


@pytest.mark.parametrize("behaviour", ["slow", "trickle", "endless", "garbage"])
def test_a_service_that_misbehaves_is_given_up_in_time(service: dict[str, str], behaviour: str) -> None:
    token = Path(service["BIENHO_KMS_TOKEN_FILE"])
    kms = KmsKeys(service["BIENHO_KMS_URL"], f"key-{behaviour}", token, seconds=0.5)
    begun = time.monotonic()
    with pytest.raises(BienhoError) as told:
        kms.create(1, ())
    assert code(told) == "STO-KMS"
    assert time.monotonic() - begun < 5


def test_a_service_that_is_away_or_says_no(service: dict[str, str], tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("other")
    wrong.chmod(0o600)
    for address in (service["BIENHO_KMS_URL"], "http://127.0.0.1:9/v1/transit"):
        with pytest.raises(BienhoError) as told:
            KmsKeys(address, "k", wrong).create(1, ())
        assert code(told) == "STO-KMS"
    for address, key in (("http://kms.example/v1/transit", "k"), ("ftp://127.0.0.1", "k"), ("https://h", "../x")):
        with pytest.raises(BienhoError) as told:
            KmsKeys(address, key, wrong)
        assert code(told) == "CFG-KMS"


def test_two_envelopes_make_the_key_and_one_makes_nothing(home: Home, tmp_path: Path) -> None:
    first, second = tmp_path / "một" / "a.txt", tmp_path / "hai" / "b.txt"
    first.parent.mkdir()
    second.parent.mkdir()
    check = split_key(home, first, second)
    target = tmp_path / "lại.key"
    assert combine_key(second, first, target) == (1, check)
    assert target.read_bytes() == key_path(home).read_bytes()
    assert target.stat().st_mode & 0o077 == first.stat().st_mode & 0o077 == 0
    master = key_path(home).read_bytes().hex()
    assert not any(master in path.read_text() for path in (first, second))
    # one envelope fits every key there could be: some other one makes it the key of zeros
    share = bytes.fromhex(first.read_text().split("\n")[1])
    assert bytes(a ^ b for a, b in zip(share, share, strict=True)) == bytes(32)


def test_envelopes_of_two_pairs_damaged_or_in_one_place_are_refused(home: Home, tmp_path: Path) -> None:
    places = [tmp_path / name for name in "abcd"]
    for place in places:
        place.mkdir()
    one, two, three, four = (place / "share" for place in places)
    split_key(home, one, two)
    split_key(home, three, four)
    with pytest.raises(BienhoError) as told:
        split_key(home, one, two)
    assert code(told) == "USE-KEY-SPLIT"
    with pytest.raises(BienhoError) as told:
        split_key(home, tmp_path / "x", tmp_path / "y")
    assert code(told) == "USE-KEY-SPLIT"
    text = two.read_text()
    (tmp_path / "flipped").write_text(text[:-2] + ("0" if text[-2] != "0" else "1") + "\n")
    (tmp_path / "cut").write_text(text[:40])
    for first, second in ((one, four), (one, three), (one, one), (one, tmp_path / "flipped"), (one, tmp_path / "cut")):
        with pytest.raises(BienhoError) as told:
            combine_key(first, second, tmp_path / "out.key")
        assert code(told) == "IN-KEY-SHARE"
    assert not (tmp_path / "out.key").exists()
    with pytest.raises(BienhoError) as told:
        combine_key(one, two, key_path(home))
    assert code(told) == "CFG-KEY-EXISTS"
