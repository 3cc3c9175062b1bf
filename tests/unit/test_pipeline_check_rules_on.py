"""`check --rules-on`: the same dossiers under the rules of another day, and what is found more and no more."""

from __future__ import annotations

import base64
from datetime import date
from pathlib import Path

from bench.faults.history import envelope
from bienho.pipeline.check import check


def test_a_code_that_is_right_from_august_2026_is_wrong_before(tmp_path: Path) -> None:
    said = (
        "<TONG_HOP><MA_LK>K1</MA_LK><MA_BN>N1</MA_BN><HO_TEN>Nguyễn Văn A</HO_TEN><MA_CSKCB>64001</MA_CSKCB>"
        "<MA_LOAI_KCB>12</MA_LOAI_KCB><NGAY_VAO>202601050800</NGAY_VAO><NGAY_RA>202601050900</NGAY_RA>"
        "<T_TONGCHI_BV>0</T_TONGCHI_BV></TONG_HOP>"
    )
    packed = base64.b64encode(said.encode()).decode()
    part = f"<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>{packed}</NOIDUNGFILE></FILEHOSO></HOSO>"
    path = tmp_path / "one.xml"
    path.write_bytes(envelope("64001", [part]))
    own = check([str(path)]).files[0].findings
    assert [row["field"] for row in own if row["rule"] == 40] == ["MA_LOAI_KCB"]
    changed = check([str(path)], rules_on=date(2026, 9, 1)).rules_on
    assert changed is not None
    assert [(row["change"], row["rule"], row["field"]) for row in changed] == [("gone", 40, "MA_LOAI_KCB")]
    assert check([str(path)], rules_on=date(2026, 1, 6)).rules_on == []
