"""A house from which people are erased: key files and list of its own, deliveries of made-up people to look for."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.faults.history import envelope
from bienho.core.text import nfc
from bienho.database import Role
from bienho.pipeline import App, open_app
from support.governed import actor
from support.homes import Made, temporary_home

FACILITY = "64001"
ASKS = actor("administrator")
CONFIRMS = replace(actor("security-officer"), account_id="binh.tran", name="Trần Bình")
PAPER = {
    "decision": "12/QĐ-SYT",
    "article": "Điều 14 Luật 91/2025/QH15",
    "retention": "hồ sơ gửi nhầm, không phải của người bệnh nào tại cơ sở",
}


@dataclass(frozen=True)
class House:
    """An opened home with key files of its own: other homes of this process share theirs."""

    made: Made
    app: App


@contextmanager
def own_house(folder: Path) -> Iterator[House]:
    """`folder` gets the key files and the list of erasures."""
    with temporary_home(ready=True) as made:
        before = os.environ["XDG_CONFIG_HOME"]
        shutil.copytree(made.config, folder / "config")
        os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
        try:
            with open_app(made.home.path) as app:
                yield House(replace(made, config=folder / "config"), app)
        finally:
            os.environ["XDG_CONFIG_HOME"] = before


@dataclass(frozen=True)
class Person:
    """A made-up person; everything to look for is drawn from the name."""

    name: str
    number: str

    @property
    def secrets(self) -> set[str]:
        return {self.name, f"0640{self.number}77", f"09{self.number}1", f"GD4640{self.number}5"}

    def visit(self, visit: str, said: str = "I10", *, patient: str = "") -> str:
        """A HOSO; `patient` stands where the number of another patient was written by mistake."""
        xml = (
            f"<TONG_HOP><MA_LK>{visit}</MA_LK><MA_BN>{patient or self.number}</MA_BN><HO_TEN>{self.name}</HO_TEN>"
            f"<SO_CCCD>0640{self.number}77</SO_CCCD><MA_THE_BHYT>GD4640{self.number}5</MA_THE_BHYT>"
            f"<DIEN_THOAI>09{self.number}1</DIEN_THOAI><NGAY_SINH>198001010000</NGAY_SINH>"
            f"<MA_CSKCB>{FACILITY}</MA_CSKCB><MA_BENH_CHINH>{said}</MA_BENH_CHINH><NGAY_VAO>202601050800</NGAY_VAO>"
            f"<NGAY_RA>202601050900</NGAY_RA><T_TONGCHI_BV>1000</T_TONGCHI_BV></TONG_HOP>"
        )
        packed = base64.b64encode(xml.encode()).decode()
        return f"<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>{packed}</NOIDUNGFILE></FILEHOSO></HOSO>"

    def check_in(self, visit: str) -> str:
        return (
            f"<TRANG_THAI_KCB><MA_LK>{visit}</MA_LK><HO_TEN>{self.name}</HO_TEN><SO_CCCD>0640{self.number}77</SO_CCCD>"
            f"<MA_CSKCB>{FACILITY}</MA_CSKCB><NGAY_VAO>202601050800</NGAY_VAO></TRANG_THAI_KCB>"
        )


def sent(*parts: str) -> bytes:
    return envelope(FACILITY, list(parts))


def check_ins(*parts: str) -> bytes:
    head, tail = "<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB>", "</DSACH_TRANG_THAI_KCB></CHI_TIEU_TRANG_THAI_KCB>"
    return f"{head}{''.join(parts)}{tail}".encode()


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.xml", data)
    return packed.getvalue()


def written(folder: Path, *files: bytes, name: str = "lần") -> list[Path]:
    """Files to take in, in order."""
    paths = []
    for number, data in enumerate(files):
        paths.append(folder / f"{name}-{number:03d}.dat")
        paths[-1].write_bytes(data)
    return paths


def said_in_raw(app: App) -> dict[int, bytes]:
    """All that can be read of raw with the keys there are: sequence → path, bytes, and what is packed in them."""
    found = {}
    for header, data in app.raw.scan():
        pieces = [header.path.encode(), data]
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                pieces += [archive.read(name) for name in archive.namelist()]
        pieces += [base64.b64decode(one) for piece in pieces for one in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", piece)]
        found[header.seq] = b"\n".join(pieces)
    return found


def nowhere(app: App, *people: Person) -> None:
    """Nothing of these people in raw or in the vault, with every key that is left."""
    needles = {nfc(text).encode() for person in people for text in person.secrets}
    for seq, text in said_in_raw(app).items():
        assert not [needle for needle in needles if needle in text], seq
    for text in opened_records(app).values():
        assert not [needle for needle in needles if needle.decode() in text]
    for person in people:
        for secret in person.secrets:
            assert all(app.vault.find(kind, secret) == [] for kind in ("personal_id", "insurance_number", "phone"))


def opened_records(app: App) -> dict[str, str]:
    """Every vault record that opens; those of the erased do not."""
    with app.database.connect(Role.GOVERNANCE) as connection:
        ids = [key.hex() for (key,) in connection.execute("SELECT record_id FROM vault.record")]
    return {name: repr(payload) for name, payload in app.vault.open(ids).items()}
