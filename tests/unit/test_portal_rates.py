"""How often somebody may ask, with a clock that the test moves."""

from __future__ import annotations

from bienho.portal.rates import MOST_NAMES, Rates


def test_a_bucket_empties_and_fills_again_evenly() -> None:
    now = 0.0
    rates = Rates(lambda: now)
    assert [rates.take("a", 3) for _ in range(5)] == [True, True, True, False, False]
    assert rates.take("b", 3), "others have their own"
    now = 20.0
    assert [rates.take("a", 3) for _ in range(2)] == [True, False]
    now = 1000.0
    assert [rates.take("a", 3) for _ in range(4)] == [True, True, True, False], "waiting long saves up no more"


def test_names_are_forgotten_before_memory_is_full() -> None:
    rates = Rates(lambda: 0.0)
    for number in range(MOST_NAMES + 10):
        rates.take(str(number), 60)
    assert len(rates._full_at) == MOST_NAMES
