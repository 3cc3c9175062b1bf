"""What an index hands to PostgreSQL: rows as one text and back, arrays as the driver itself would write them."""

from __future__ import annotations

import psycopg
import pyarrow as pa
import pytest
from psycopg.adapt import PyFormat, Transformer

from bienho.linkage import CLEAN, clean
from bienho.linkage.index.arrays import INT8S, Keys, Numbers, keys, numbers
from bienho.linkage.index.packing import pack, pack_rows, table, unpack
from support.few_records import few_records


def test_rows_and_columns_are_one_text_and_come_back() -> None:
    cleaned = clean(few_records(60, 3)[0])
    assert pack_rows(cleaned.to_pylist()) == pack(cleaned)
    assert table(unpack(pack(cleaned))).equals(cleaned.combine_chunks())
    assert unpack(pack(cleaned)) == cleaned.to_pylist()


def test_a_separator_in_a_value_and_a_text_of_another_form_are_refused() -> None:
    row = dict.fromkeys(CLEAN.names) | {"record_id": "r", "name": "a\x1fb"}
    for put in (lambda: pack_rows([row]), lambda: pack(pa.Table.from_pylist([row], schema=CLEAN))):
        with pytest.raises(ValueError, match="separator"):
            put()
    with pytest.raises(ValueError, match="form"):
        unpack(["a\x1fb"])


@pytest.mark.parametrize("count", [0, 1, 7])
def test_arrays_are_those_the_driver_writes(count: int) -> None:
    whole = [(number - 3) * 2**60 for number in range(count)]
    ids = [f"{number:032x}" for number in range(count)]
    driver = Transformer()
    written = driver.get_dumper(whole, PyFormat.BINARY).dump(whole) if whole else None
    assert isinstance(numbers(whole), Numbers)
    assert isinstance(keys(ids), Keys)
    read = driver.get_loader(INT8S, psycopg.pq.Format.BINARY).load
    assert read(numbers(whole)) == whole
    assert written is None or len(written) == len(numbers(whole))
    assert driver.get_loader(1001, psycopg.pq.Format.BINARY).load(keys(ids)) == [bytes.fromhex(one) for one in ids]
