"""Rows and columns of an account with several memberships, against a plain model of who may see which cell."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.contracts import catalogue
from bienho.governance import Actor, Membership, Request, decide
from bienho.governance.decision import facts_of, field_class
from bienho.governance.policy import CURRENT, Facts, engine, judge
from support.examples import some

PLACES = ("52001", "52002", "52003")
ROLES = ("viewer", "operator", "identifier-reader", "administrator", "clinician", "epidemiologist")
DATASETS = ("conformed.encounter", "quality.finding", "standard.xml130_1", "reference.icd10", "standard.delivery")

memberships = st.lists(
    st.builds(
        Membership,
        st.sampled_from(ROLES),
        st.just("u"),
        st.none() | st.frozensets(st.sampled_from(PLACES), max_size=3),
        st.none(),
    ),
    min_size=1,
    max_size=5,
)


def single(role: str, purpose: str, action: str, dataset: str) -> set[str]:
    """Classes one role sees of a dataset over the whole province."""
    contract = catalogue()[dataset]
    decision = decide(Request("r", Actor("an", "An", (role,)), purpose, action, contract))  # type: ignore[arg-type]
    return {field_class(contract.by_name[name]) for name in decision.columns}


@settings(max_examples=some(300), derandomize=True, deadline=None)
@given(
    memberships,
    st.sampled_from(DATASETS),
    st.sampled_from(("tra-cuu-ho-so", "van-hanh", "giam-sat")),
    st.sampled_from(("read", "query", "identify")),
    st.data(),
)
def test_no_cell_is_seen_that_no_membership_opens(
    held: list[Membership], dataset: str, purpose: str, action: str, data: st.DataObject
) -> None:
    contract = catalogue()[dataset]
    names = data.draw(st.none() | st.lists(st.sampled_from(sorted(contract.by_name)), max_size=3).map(tuple))
    actor = Actor("an", "An", (), "portal", tuple(held))
    decision = decide(Request("r", actor, purpose, action, contract, names))  # type: ignore[arg-type]
    persons = any(field_class(item) != "open" for item in contract.fields)
    scoped = "facility_code" in contract.by_name or (contract.zone != "reference" and "version_id" in contract.by_name)
    open_to: dict[str, set[str]] = {place: set() for place in (*PLACES, "elsewhere")}
    for one in held:
        if one.facilities is not None and persons and not scoped:
            continue
        whole = one.facilities is None or not scoped
        for place in open_to if whole else one.facilities or ():
            open_to[place] |= single(one.role, purpose, action, dataset)
    seen = {field_class(contract.by_name[name]) for name in decision.columns}
    if not decision.allowed:
        wanted = {field_class(contract.by_name[name]) for name in names or ()}
        assert not any(classes and wanted <= classes for classes in open_to.values()) or names is None
        return
    reached = {place for place in open_to if decision.reach is None or _in(place, decision.reach)}
    for place in reached:
        assert seen <= open_to[place], (place, seen - open_to[place])
    if names is not None:  # and nothing is withheld that one membership opens whole
        assert reached == {place for place, classes in open_to.items() if classes and seen <= classes}


def _in(place: str, rows) -> bool:  # type: ignore[no-untyped-def]
    return any(facilities is None or place in facilities for facilities, _ in rows)


@settings(max_examples=some(200), derandomize=True, deadline=None)
@given(memberships, st.sampled_from(DATASETS), st.sampled_from(("read", "identify", "export")), st.booleans())
def test_facts_kept_give_the_same_verdict_again(
    held: list[Membership], dataset: str, action: str, emergency: bool
) -> None:
    actor = Actor("an", "An", (), "portal", tuple(held))
    request = Request("r", actor, "tra-cuu-ho-so", action, catalogue()[dataset], None, None, emergency)  # type: ignore[arg-type]
    facts = facts_of(request)
    again = Facts.of(facts.as_dict())
    assert judge(engine(CURRENT), again) == judge(engine(CURRENT), facts)
