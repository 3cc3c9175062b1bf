"""Blocking keys are names and numbers of people: the index knows them by a digest of 64 bits under a key of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

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

    @cache
    def of(rule: int) -> Callable[[str], int]:
        ending = keyed.after(str(rule))

        def digest(text: str) -> int:
            return int.from_bytes(ending(prefixed(text))[:DIGEST_BYTES], "big", signed=True)

        return digest

    def digests(clean: pa.Table) -> dict[str, list[int]]:
        blocks = matcher.blocks(clean)
        if clean.num_rows > FEW:
            return _of_many(blocks, of)
        found: dict[str, set[int]] = {}
        columns = (blocks[name].to_pylist() for name in ("record_id", "rule", "key"))
        for record, rule, text in zip(*columns, strict=True):
            found.setdefault(record, set()).add(of(rule)(text))
        return {record: sorted(held) for record, held in found.items()}

    return digests


def _of_many(blocks: pa.Table, of: Callable[[int], Callable[[str], int]]) -> dict[str, list[int]]:
    """The same, with a look at every different key once and none at a row."""
    holder, made = list[Ints](), list[Ints]()
    ids = blocks["record_id"].combine_chunks().dictionary_encode()
    number, rules = np.asarray(ids.indices, np.int64), blocks["rule"].combine_chunks()
    for rule in pc.unique(rules).to_pylist():
        here = pc.equal(rules, rule)
        keys = blocks["key"].combine_chunks().filter(here).dictionary_encode()
        told = np.array(list(map(of(rule), keys.dictionary.to_pylist())), np.int64)
        made.append(told[np.asarray(keys.indices, np.int64)])
        holder.append(number[np.asarray(here)])
    if not made:
        return {}
    record, digests = np.concatenate(holder), np.concatenate(made)
    order = np.lexsort((digests, record))
    record, digests = record[order], digests[order]
    first = np.concatenate(([True], (record[1:] != record[:-1]) | (digests[1:] != digests[:-1])))
    record, told_once = record[first], digests[first].tolist()
    ends = np.searchsorted(record, np.arange(len(ids.dictionary)), side="right").tolist()
    begins = [0, *ends[:-1]]
    return {one: told_once[begin:end] for one, begin, end in zip(ids.dictionary.to_pylist(), begins, ends, strict=True)}
