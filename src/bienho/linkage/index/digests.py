"""Blocking keys are names and numbers of people: the index knows them by a digest of 64 bits under a key of its own."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from bienho.linkage.index.store import Matcher
from bienho.privacy.digests import Keyed, prefixed

DIGEST_BYTES = 8
"""Two keys that meet by chance cost one comparison in vain; that is all they do."""


def digester(key: bytes, matcher: Matcher) -> Callable[[pa.Table], dict[str, list[int]]]:
    """CLEAN → the digests of each record's blocking keys, each once, in ascending order; HMAC-SHA256 under `key`."""
    keyed = Keyed(key)

    def digests(clean: pa.Table) -> dict[str, list[int]]:
        blocks = matcher.blocks(clean)
        made: dict[tuple[int, str], int] = {}
        found: dict[str, set[int]] = {}
        columns = (blocks[name].to_pylist() for name in ("record_id", "rule", "key"))
        for record, rule, text in zip(*columns, strict=True):
            digest = made.get((rule, text))
            if digest is None:
                whole = keyed.after(str(rule))(prefixed(text))
                digest = made[rule, text] = int.from_bytes(whole[:DIGEST_BYTES], "big", signed=True)
            found.setdefault(record, set()).add(digest)
        return {record: sorted(held) for record, held in found.items()}

    return digests
