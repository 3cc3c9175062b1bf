"""Errors go from one process to another as they are."""

from __future__ import annotations

import errno
import pickle

import pytest

from bienho.core.errors import BienhoError, IntegrityError, LimitError, StorageError, UsageError
from bienho.lake.raw.writer import DiskError
from bienho.standards.xml130.archive import REASONS, BadMember


@pytest.mark.parametrize(
    "error",
    [
        UsageError("USE-SYNTH-OUT", "Thư mục đích không trống.", hint="chọn một thư mục mới"),
        StorageError("STO-SYNTH-WRITE", "Không ghi được."),
        LimitError("LIM-VAULT-PAYLOAD", "Quá lớn.", hint="Tách nhỏ.", who="Cơ sở gửi"),
        IntegrityError("INT-VAULT-KEY", "Khóa không mở được.", who="Quản trị hệ thống"),
        DiskError("STO-RAW-WRITE", "Không ghi được tệp", OSError(errno.ENOSPC, "full")),
        BadMember(next(iter(REASONS))),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_another_process_says_what_it_said_there(error: BienhoError) -> None:
    error.add_note("batch 3")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.as_dict() == error.as_dict()
    assert (str(again), again.exit_code, again.__notes__) == (str(error), error.exit_code, error.__notes__)
