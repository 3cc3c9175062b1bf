"""Blocking keys are names and numbers of people: the index knows them by a digest of 64 bits under a key of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bienho.linkage.index.store import Ints, Matcher
from bienho.linkage.model.matcher import FEW
from bienho.privacy.digests import Keyed, prefixed

DIGEST_BYTES = 8
"""Two keys that meet by chance cost one comparison in vain; that is all they do."""


def digester(key: bytes, matcher: Matcher) -> Callable[[pa.Table], dict[str, list[int]]]:
    """CLEAN → the digests of each record's blocking keys, each once, in ascending order; HMAC-SHA256 under `key`."""
    keyed = Keyed(key)

    def digest(rule: int, text: str) -> int:
        return int.from_bytes(keyed.after(str(rule))(prefixed(text))[:DIGEST_BYTES], "big", signed=True)

    def digests(clean: pa.Table) -> dict[str, list[int]]:
        blocks = matcher.blocks(clean)
        if clean.num_rows > FEW:
            return _of_many(blocks, digest)
        found: dict[str, set[int]] = {}
        columns = (blocks[name].to_pylist() for name in ("record_id", "rule", "key"))
        for record, rule, text in zip(*columns, strict=True):
            found.setdefault(record, set()).add(digest(rule, text))
        return {record: sorted(held) for record, held in found.items()}

    return digests


def _of_many(blocks: pa.Table, digest: Callable[[int, str], int]) -> dict[str, list[int]]:
    """The same, with a look at every different key once and none at a row."""
    record, made = list[Ints](), list[Ints]()
    ids = blocks["record_id"].combine_chunks().dictionary_encode()
    number, rules = np.asarray(ids.indices, np.int64), blocks["rule"].combine_chunks()
    for rule in pc.unique(rules).to_pylist():
        here = pc.equal(rules, rule)
        keys = blocks["key"].combine_chunks().filter(here).dictionary_encode()
        told = np.array([digest(rule, text) for text in keys.dictionary.to_pylist()], np.int64)
        made.append(told[np.asarray(keys.indices, np.int64)])
        record.append(number[np.asarray(here)])
    if not made:
        return {}
    of, digests = np.concatenate(record), np.concatenate(made)
    order = np.lexsort((digests, of))
    of, digests = of[order], digests[order]
    first = np.concatenate(([True], (of[1:] != of[:-1]) | (digests[1:] != digests[:-1])))
    of, told_once = of[first], digests[first].tolist()
    ends = np.searchsorted(of, np.arange(len(ids.dictionary)), side="right").tolist()
    begins = [0, *ends[:-1]]
    return {one: told_once[begin:end] for one, begin, end in zip(ids.dictionary.to_pylist(), begins, ends, strict=True)}
