"""The header of SQL models: complete, true to the SQL, and an order in which models can run."""

from __future__ import annotations

from pathlib import Path

import pytest

import bienho
from bienho import indicators
from bienho.contracts import catalogue
from bienho.contracts.models import check_columns, load_models, order_models, parse_model
from bienho.core.errors import ConfigError
from bienho.pipeline.persons import LINK
from bienho.standards.xml130 import map as xml130_map
from bienho.surveillance import cases

HEADER = """-- model: derived.a
-- key: k
-- grain: one k
-- owner: so-y-te
-- reads: conformed.x, reference.y
-- incremental_by: partition(k, w)
-- description: what it is for
"""
CONCERNS = "-- concerns: conformed.x (k, left(w, 5)) in reference.y (k)\n"
BODY = """WITH c AS (SELECT k, w FROM conformed.x)
SELECT c.k, c.w, count(*) AS n FROM c JOIN reference.y USING (k) GROUP BY ALL"""
HERE = Path("a.sql")


def test_a_model_is_read_from_its_header() -> None:
    model = parse_model(HEADER + BODY + ";\n", HERE)
    assert (model.zone, model.table, model.key) == ("derived", "a", ("k",))
    assert model.reads == ("conformed.x", "reference.y")
    assert model.partition == ("k", "w")
    assert model.columns == ("k", "w", "n")
    assert model.sql == BODY
    assert model.concerns is None
    concerns = parse_model(HEADER + CONCERNS + BODY, HERE).concerns
    assert concerns is not None
    assert concerns.condition == "k IN (SELECT k FROM reference.y) OR left(w, 5) IN (SELECT k FROM reference.y)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEADER.replace("-- owner: so-y-te\n", "") + BODY, "thiếu owner"),
        (HEADER.replace("-- key: k", "-- key: k\n-- key: k") + BODY, "lặp lại"),
        (HEADER.replace(", reference.y", "") + BODY, "nhưng câu lệnh đọc"),
        (HEADER.replace("reference.y", "reference.y, reference.z") + BODY, "nhưng câu lệnh đọc"),
        (HEADER.replace("partition(k, w)", "day") + BODY, "incremental_by"),
        (HEADER + CONCERNS.replace(" in ", " of ") + BODY, "concerns"),
        (HEADER + CONCERNS.replace("conformed.x", "conformed.z") + BODY, "concerns"),
        (HEADER.replace("partition(k, w)", "full") + CONCERNS + BODY, "concerns"),
        (HEADER.replace("derived.a", "a") + BODY, "vùng.bảng"),
        (HEADER.replace("key: k", "key: z") + BODY, "cột khóa z"),
        (HEADER + "SELECT * FROM conformed.x JOIN reference.y USING (k)", "dấu sao"),
        (HEADER + BODY + "; SELECT 1", "đúng một câu SELECT"),
        (HEADER + "DELETE FROM conformed.x", "đúng một câu SELECT"),
        (HEADER + "SELECT FROM WHERE", "không đọc được"),
        (HEADER + BODY.replace("count(*)", "now()"), "không lặp lại được"),
        (HEADER + BODY.replace("count(*)", "current_date"), "không lặp lại được"),
        (HEADER + BODY.replace("count(*)", "any_value(c.k)"), "không lặp lại được"),
        (HEADER + BODY.replace("count(*)", "random()"), "không lặp lại được"),
        (HEADER + BODY.replace("FROM c ", "FROM loose "), "bảng không có vùng"),
        (HEADER.replace("conformed.x", "derived.a") + BODY.replace("conformed.x", "derived.a"), "chính bảng"),
    ],
)
def test_a_header_that_lies_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_model(text, HERE)
    assert caught.value.code == "CFG-MODEL"
    assert told in caught.value.message


def simple(name: str, reads: str) -> str:
    return f"""-- model: {name}
-- key: k
-- grain: g
-- owner: o
-- reads: {reads}
-- incremental_by: full
-- description: d
SELECT k FROM {reads}"""


def test_models_come_after_what_they_read() -> None:
    given = [simple("a.z", "a.m"), simple("a.m", "a.b"), simple("a.b", "s.raw")]
    ordered = order_models(parse_model(text, HERE) for text in given)
    assert [m.name for m in ordered] == ["a.b", "a.m", "a.z"]


def test_circles_and_twins_are_refused() -> None:
    circle = [parse_model(simple("a.x", "a.y"), HERE), parse_model(simple("a.y", "a.x"), HERE)]
    with pytest.raises(ConfigError, match="đọc vòng"):
        order_models(circle)
    with pytest.raises(ConfigError, match="cùng ghi"):
        order_models([circle[0], circle[0]])


def test_a_folder_is_loaded_in_order(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text(simple("a.one", "a.two"), encoding="utf-8")
    (tmp_path / "two.sql").write_text(simple("a.two", "s.raw"), encoding="utf-8")
    assert [m.name for m in load_models(tmp_path)] == ["a.two", "a.one"]


@pytest.mark.parametrize("model", [*xml130_map.models(), *indicators.models(), *cases.models()], ids=lambda m: m.name)
def test_our_models_give_the_columns_and_keys_of_their_contracts(model) -> None:  # type: ignore[no-untyped-def]
    contract = catalogue()[model.name]
    check_columns(model, [field.name for field in contract.fields])
    assert set(model.key) == set(contract.key)
    assert contract.versioned == (model.incremental_by == "version_id")
    missing = [name for name in model.reads if name not in catalogue()]
    assert not missing
    with pytest.raises(ConfigError, match="thiếu cột"):
        check_columns(model, [*(field.name for field in contract.fields), "extra"])


def test_our_models_never_use_the_text_of_a_vault_field() -> None:
    """A vault field may only be compared with its marker or be tested for presence."""
    for model in xml130_map.models():
        for dataset in (name for name in model.reads if name.startswith("standard.")):
            for field in catalogue()[dataset].vault_fields:
                for fragment in (f"vn_text(x.{field.name})", f"vn_text({field.name})", f"x.{field.name} AS"):
                    assert fragment not in model.sql, (model.name, field.name)


def test_every_conformed_and_derived_table_has_one_model() -> None:
    """But one: persons are found by the index, not by a model."""
    modelled = {m.name for m in (*xml130_map.models(), *indicators.models(), *cases.models())}
    assert modelled == {name for name in catalogue() if name.split(".")[0] in ("conformed", "derived")} - {LINK}


def test_every_model_that_ships_says_what_it_does() -> None:
    package = Path(bienho.__file__).parent
    shipped = sorted(package.rglob("*.sql"))
    # the scores are steps of one computation over tables of their own (quality/scores/steps.py)
    models = [path for path in shipped if not {"migrations", "scores"} & set(path.parts)]
    assert len(models) >= 13
    for path in models:
        parse_model(path.read_text(encoding="utf-8"), path)
