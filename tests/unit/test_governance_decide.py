"""`decide`: what is refused is refused by name. Who may do what is in test_policy_matrix.py."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from bienho.contracts import catalogue
from bienho.governance import PURPOSES, ROLES, Actor, Request, decide
from bienho.governance.decision import MARKER, field_class

READ, COUNT, OPEN = "read", "aggregate", "identify"


def ask(roles: tuple[str, ...], purpose: str, action: str, dataset: str, columns: tuple[str, ...] | None = None):
    actor = Actor("an.nguyen", "Nguyễn An", roles)
    return decide(Request("r", actor, purpose, action, catalogue()[dataset], columns))


@pytest.mark.parametrize(
    ("roles", "purpose", "rule"),
    [
        ((), "van-hanh", "no-role"),
        (("khach",), "van-hanh", "no-role"),
        (("operator",), "", "purpose-unknown"),
        (("operator",), "VAN-HANH", "purpose-unknown"),
        (("operator",), "kiem-tra", "purpose-role"),
        (("viewer",), "tra-cuu-ho-so", "purpose-role"),
        (("viewer",), "van-hanh", "default-deny"),
    ],
)
def test_refusal_names_its_rule(roles: tuple[str, ...], purpose: str, rule: str) -> None:
    decision = ask(roles, purpose, READ, "standard.xml130_1")
    assert not decision.allowed
    assert decision.rule == rule


def test_identification_needs_role_and_purpose() -> None:
    everybody = tuple(ROLES)
    assert ask(everybody, "van-hanh", OPEN, "standard.xml130_1").rule == "identify-purpose"
    assert ask(("operator",), "tra-cuu-ho-so", OPEN, "standard.xml130_1").rule == "identify-role"
    assert ask(everybody, "tra-cuu-ho-so", OPEN, "standard.xml130_1").allowed


def test_a_role_that_may_not_claim_the_purpose_adds_nothing() -> None:
    # `giam-sat` is not for administrators: their grants must not widen what a viewer sees under it.
    decision = ask(("viewer", "administrator"), "giam-sat", READ, "quality.finding")
    assert not decision.allowed


def test_columns_beyond_the_class_are_hidden_from_all_and_refused_by_name() -> None:
    contract = catalogue()["quality.finding"]
    personal = tuple(field.name for field in contract.fields if field.data_class == "personal")
    assert personal, "the contract of findings has a personal column (dossier_key)"
    whole = ask(("administrator",), "van-hanh", READ, contract.id)
    assert whole.allowed
    assert set(whole.hidden) == set(personal)
    assert not set(whole.columns) & set(personal)
    assert "che-cot" in whole.obligations
    assert ask(("administrator",), "van-hanh", READ, contract.id, personal[:1]).rule == "column-class"


def test_narrative_outside_the_vault_is_for_identifier_readers() -> None:
    contract = catalogue()["standard.xml130_1"]
    note = dataclasses.replace(contract.by_name["GHI_CHU"], in_vault=False, data_class="text")
    loose = dataclasses.replace(contract, fields=(note,))
    for role, allowed in (("operator", False), ("identifier-reader", True)):
        actor = Actor("an.nguyen", "Nguyễn An", (role,))
        assert decide(Request("r", actor, "tra-cuu-ho-so", "read", loose, ("GHI_CHU",))).allowed is allowed


def test_counting_rows_needs_no_column_but_still_a_grant() -> None:
    assert ask(("operator",), "van-hanh", COUNT, "standard.xml130_1", ()).allowed
    assert not ask(("viewer",), "van-hanh", COUNT, "standard.xml130_1", ()).allowed


def test_vault_columns_show_only_their_mark() -> None:
    for contract in catalogue().values():
        for field in contract.vault_fields:
            assert field_class(field) == MARKER


def test_journal_is_for_nobody() -> None:
    for role, purpose in itertools.product(ROLES, PURPOSES):
        for dataset in (name for name, contract in catalogue().items() if contract.zone == "journal"):
            assert not ask((role,), purpose, READ, dataset).allowed


def test_every_purpose_and_role_explains_itself() -> None:
    for purpose in PURPOSES.values():
        assert purpose.legal_basis
        assert purpose.agreement
        assert purpose.roles <= ROLES.keys()
        assert purpose.title_vi
    assert all(role.description_vi for role in ROLES.values())
