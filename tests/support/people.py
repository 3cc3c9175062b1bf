"""A few made-up patients for tests of the vault; every value is drawn from a seed."""

from __future__ import annotations

import random

from bienho.privacy import Vault, VaultEntry, blind_entries

FACILITY = "64001"
FAMILY = ("Nguyễn", "Rơ Châm", "Đặng", "Trần", "Siu", "Phạm", "Kpuih", "Lê")
GIVEN = ("Thị Hoà", "Văn Quyền", "H'Bluk", "Minh Đức", "Ngọc Ánh", "Quốc Khánh")
COMPLAINT = ("đau thượng vị", "sốt cao ngày thứ ba", "ho khạc đờm", "ngã xe máy", "khó thở khi nằm", "phát ban hai tay")


def entry(vault: Vault, number: int, *, revision: int = 0, seed: int = 20) -> VaultEntry:
    """The vault part of dossier `number`; two dossiers share a patient, a revision changes the narrative only."""
    rng = random.Random(f"{seed}/{number // 2}")
    name = f"{rng.choice(FAMILY)} {rng.choice(GIVEN)} {number // 2}"
    birth = f"19{rng.randrange(30, 99)}0{rng.randrange(1, 9)}15"
    personal_id, phone = f"064{rng.randrange(10**9):09d}", f"09{rng.randrange(10**8):08d}"
    card = f"GD464{rng.randrange(10**10):010d}"
    visit, patient = f"LK{number:07d}", f"BN{number // 2:07d}"
    notes = random.Random(f"{seed}/{number}/{revision}")
    person = {"MA_LK": visit, "MA_BN": patient, "HO_TEN": name, "SO_CCCD": personal_id, "DIEN_THOAI": phone}
    narrative = [{"DIEN_BIEN_LS": f"{name} {'; '.join(notes.choices(COMPLAINT, k=20))}"} for _ in range(3)]
    return VaultEntry(
        facility=FACILITY,
        ma_lk=visit,
        patient_key=vault.patient_key(FACILITY, patient, visit),
        payload={"XML1": [{**person, "MA_THE_BHYT": card, "DIA_CHI": None}], "XML5": narrative},
        blind=blind_entries(name=name, birth=birth, personal_id=personal_id, insurance_number=card, phone=phone),
    )


def entries(vault: Vault, count: int, *, start: int = 0) -> list[VaultEntry]:
    return [entry(vault, number) for number in range(start, start + count)]


def secrets_of(one: VaultEntry) -> list[str]:
    """The texts of an entry that must be seen nowhere in clear."""
    row = one.payload["XML1"][0]
    return [str(row[name]) for name in ("HO_TEN", "SO_CCCD", "DIEN_THOAI", "MA_THE_BHYT", "MA_BN", "MA_LK")]
