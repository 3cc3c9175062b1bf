"""Promise 2: nothing leaves but through the gate; what is not allowed is denied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bienho.core.errors import DeniedError, UsageError
from bienho.governance import ACCOUNT_ROLES, Denied, accounts
from bienho.governance import accounts as accounts_module
from support.governed import Governed, actor, governed
from support.homes import temporary_home

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def house() -> Iterator[Governed]:
    with governed() as made:
        yield made


def test_viewer_gets_no_record_by_any_door(house: Governed) -> None:
    viewer, gate = actor("viewer"), house.gate
    for call in (
        lambda: gate.read(viewer, "van-hanh", "standard.xml130_1", ["version_id"]),
        lambda: gate.read(viewer, "van-hanh", "conformed.encounter", None),
        lambda: gate.aggregate(viewer, "van-hanh", "standard.xml130_1", [], {"n": ("count", None)}),
        lambda: gate.query(viewer, "van-hanh", "SELECT 1 FROM derived.facility_week_chapter, standard.xml130_1"),
        lambda: gate.query(viewer, "van-hanh", "WITH a AS (SELECT * FROM standard.xml130_1) SELECT count(*) FROM a"),
        lambda: gate.payload(viewer, "giam-sat", house.records[0]),
        lambda: gate.permit_bytes(viewer, "giam-sat", "D000000000001"),
        lambda: gate.audit_events(viewer, "van-hanh"),
    ):
        with pytest.raises(Denied) as refusal:
            call()
        assert refusal.value.decision.rule in ("default-deny", "identify-role")
        assert not refusal.value.decision.allowed
        assert refusal.value.exit_code == 7


def test_operator_reads_records_without_names(house: Governed) -> None:
    decision, reader = house.gate.read(
        actor("operator"), "van-hanh", "standard.xml130_1", ["HO_TEN", "MA_BENH_CHINH"], order=["version_id"]
    )
    assert decision.allowed
    assert decision.rule == "operator-records"
    rows = reader.read_all().to_pylist()
    assert rows == [{"HO_TEN": "*", "MA_BENH_CHINH": "A09"}, {"HO_TEN": "*", "MA_BENH_CHINH": "J01"}]


def test_hidden_columns_are_not_there_under_any_name(house: Governed) -> None:
    clerk = actor("administrator")
    decision, reader = house.gate.query(clerk, "van-hanh", "SELECT * FROM quality.finding")
    assert "dossier_key" in decision.hidden
    assert "dossier_key" not in reader.schema.names
    with pytest.raises(Denied, match="dossier_key"):
        house.gate.query(clerk, "van-hanh", "SELECT dossier_key FROM quality.finding")
    with pytest.raises(Denied):
        house.gate.read(
            clerk, "van-hanh", "quality.finding", ["code"], filter=[("dossier_key", "=", house.dossiers[0])]
        )
    with pytest.raises(Denied):
        house.gate.read(clerk, "van-hanh", "quality.finding", ["code"], order=["dossier_key"])
    width = len(decision.columns)
    names = ", ".join(f"c{place}" for place in range(width))
    _, renamed = house.gate.query(clerk, "van-hanh", f"SELECT * FROM quality.finding AS f({names})")
    struct = house.gate.query(clerk, "van-hanh", "SELECT f FROM quality.finding f")[1]
    shown = str(renamed.read_all().to_pylist()) + str(struct.read_all().to_pylist())
    assert not any(key in shown for key in house.dossiers)


def test_identification_takes_role_and_purpose(house: Governed) -> None:
    with pytest.raises(Denied, match="Mục đích"):
        house.gate.payload(actor(), "van-hanh", house.records[0])
    with pytest.raises(Denied, match="vai trò"):
        house.gate.payload(actor("operator"), "tra-cuu-ho-so", house.records[0])
    opened = house.gate.payload(actor("identifier-reader"), "tra-cuu-ho-so", house.records[0])
    assert opened["XML1"][0]["HO_TEN"] == "Nguyễn Thị Thử"


@pytest.mark.parametrize("dataset", ["journal.batch", "standard.nothing", "vault.record", "governance.account", ""])
def test_what_is_no_dataset_is_not_read(house: Governed, dataset: str) -> None:
    with pytest.raises(UsageError):
        house.gate.read(actor(), "van-hanh", dataset, None)


def test_unmapped_user_is_refused_and_a_closed_account_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with temporary_home() as made:
        demo = accounts.actor_for_os_user(made.database, made.home)
        assert demo.account_id == "demo"
        assert set(demo.roles) == set(ACCOUNT_ROLES)
        production = type(made.home)(made.home.path, made.home.home_id, "production")
        monkeypatch.setattr(accounts_module, "os_user", lambda: "an")
        with pytest.raises(DeniedError, match="DENY-ACCOUNT"):
            accounts.actor_for_os_user(made.database, production)
        with pytest.raises(UsageError):
            accounts.ensure_demo_account(made.database, production)
        boss = actor("administrator")
        with pytest.raises(Denied):
            accounts.add(
                made.database,
                production,
                by=actor("operator"),
                account_id="an",
                name="An",
                roles=["viewer"],
                os_user="an",
            )
        accounts.add(made.database, production, by=boss, account_id="an", name="An", roles=["viewer"], os_user="an")
        assert accounts.actor_for_os_user(made.database, production).roles == ("viewer",)
        with pytest.raises(UsageError, match="USE-ACCOUNT-TAKEN"):
            accounts.add(
                made.database, production, by=boss, account_id="an2", name="An", roles=["viewer"], os_user="an"
            )
        accounts.change(made.database, production, by=boss, account_id="an", active=False)
        assert accounts.find(made.database, "an") is None
        for home in (production, made.home):  # a closed account does not fall back on the demo's
            with pytest.raises(DeniedError, match="DENY-ACCOUNT"):
                accounts.actor_for_os_user(made.database, home)
        monkeypatch.setattr(accounts_module, "os_user", lambda: "ai-do")
        accounts.add(made.database, made.home, by=boss, account_id="sep", name="Sếp", roles=["administrator"])
        accounts.change(made.database, made.home, by=boss, account_id="demo", active=False)
        with pytest.raises(DeniedError, match="DENY-ACCOUNT"):
            accounts.actor_for_os_user(made.database, made.home)


def test_first_account_needs_no_administrator_and_the_last_one_stays() -> None:
    with temporary_home() as made:
        alone = {"account_id": "chu", "name": "Chủ"}
        for given in ({"roles": ["viewer"], "os_user": "chu"}, {"roles": ["administrator"]}):
            with pytest.raises(UsageError, match="USE-ACCOUNT-FIRST"):  # nobody could ever add a second
                accounts.add(made.database, made.home, by=None, **alone, **given)
        accounts.add(made.database, made.home, by=None, **alone, roles=["administrator"], os_user="chu")
        with pytest.raises(DeniedError):
            accounts.add(made.database, made.home, by=None, account_id="khac", name="Khác", roles=["viewer"])
        first = accounts.find(made.database, "chu")
        assert first is not None
        with pytest.raises(UsageError, match="USE-ACCOUNT-LAST"):
            accounts.change(made.database, made.home, by=first.actor("cli"), account_id="chu", roles=["viewer"])
