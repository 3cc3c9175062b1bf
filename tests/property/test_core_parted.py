"""What is taken apart is put together again as it was, whatever it was; and what was never taken apart is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.core.parted import Parted, part
from bienho.lake.raw import apart
from support.examples import some

OPENING = b"<P>"
BODIES = st.one_of(st.binary(min_size=48, max_size=200), st.binary(max_size=4).map(lambda seed: seed * 60))
FOLDS: dict[str, Callable[[bytes], bytes]] = {
    "one line": lambda run: run,
    "lines": lambda run: lines(run, 76, b"\n"),
    "CRLF": lambda run: lines(run, 64, b"\r\n"),
    "blanks around": lambda run: b"\n  " + lines(run, 76, b"\n") + b"\n ",
    "lines of three": lambda run: lines(run, 3, b"\n"),
    "a line end moved": lambda run: run[:60] + b"\n" + run[60:121] + b"\n" + run[121:],
    "line ends of two kinds": lambda run: run[:60] + b"\n" + run[60:120] + b"\r\n" + run[120:],
    "line ends turned round": lambda run: lines(run, 60, b"\n\r"),
    "another last line": lambda run: lines(run[:-40], 32, b"\n") + b"\n" + run[-40:],
    "no padding": lambda run: run.rstrip(b"="),
    "more padding": lambda run: run + b"=",
    "URL alphabet": lambda run: run.replace(b"A", b"-"),
    "bits behind the end": lambda run: run.replace(b"A==", b"B=="),
    "a blank inside": lambda run: run[:20] + b" " + run[20:],
    "a zero inside": lambda run: run[:20] + b"\0" + run[20:],
    "cut": lambda run: run[:-1],
}
TAKEN = list(FOLDS)[:4]


def lines(run: bytes, width: int, end: bytes) -> bytes:
    return end.join(run[at : at + width] for at in range(0, len(run), width))


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Pieces of text and runs in any order, well built or not."""
    packed = st.builds(
        lambda body, fold: OPENING + FOLDS[fold](base64.b64encode(body)), BODIES, st.sampled_from(sorted(FOLDS))
    )
    text = st.sampled_from([b"</P>", b"<", b">", OPENING, b"text", b"\xff\xfe", b"\0", b"", b"A" * 70])
    return b"".join(draw(st.lists(st.one_of(packed, packed.map(lambda one: one + b"</P>"), text), max_size=6)))


@settings(max_examples=some(300), deadline=None)
@given(files(), st.data())
def test_what_is_taken_apart_is_put_together_as_it_was(data: bytes, draw: st.DataObject) -> None:
    parted = part(data, OPENING)
    if parted is None:
        return
    assert parted.whole() == data
    assert len(parted) == len(data) == len(parted.text) - len(parted.bodies) + parted.run_bytes(0, len(parted.bodies))
    payload = bytearray(b"".join(apart.pieces(parted)))
    assert len(payload) <= apart.most(len(data))
    assert apart.put_together(bytes(payload), len(data)) == parted
    # what says otherwise how long its parts are is refused, or is cut elsewhere and as long as it should be
    payload[draw.draw(st.integers(0, 7 + 8 * len(parted.bodies)))] ^= draw.draw(st.integers(1, 255))
    try:
        other = apart.put_together(bytes(payload), len(data))
    except ValueError:
        return
    assert len(other.whole()) == len(data)


@pytest.mark.parametrize("fold", FOLDS)
def test_what_is_base64_of_its_bytes_is_taken_apart_and_nothing_else(fold: str) -> None:
    body = bytes(100)  # its base64 ends in A==
    parted = part(OPENING + FOLDS[fold](base64.b64encode(body)) + b"</P>", OPENING)
    assert (parted is not None) == (fold in TAKEN)
    assert parted is None or list(parted.bodies) == [body]


def test_what_claims_more_than_it_is_is_refused_before_there_is_room_for_it() -> None:
    parted = Parted(b"\0", [bytes(90)], 120)
    payload = b"".join(apart.pieces(parted))
    assert apart.put_together(payload, 120) == parted
    for cut in (0, 7, 8, 20):
        with pytest.raises(ValueError, match="start|room|length"):
            apart.put_together(payload[:cut], 120)
    with pytest.raises(ValueError, match="room"):
        apart.put_together(b"\xff" * 8 + payload[8:], 120)
    with pytest.raises(ValueError, match="not as long"):
        apart.put_together(payload, 121)
