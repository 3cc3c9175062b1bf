"""Numbers of the rules are exact: what a comparison says of random amounts, however large, is what fractions say."""

from __future__ import annotations

import operator
import random
from fractions import Fraction

import numpy as np
import pytest

from bienho.quality.rule_values import Value, compared, plus, times

ROWS = 400
SIGNS = {"=": operator.eq, "<=": operator.le, ">": operator.gt}


def column(r: random.Random, scale: int, most: int) -> tuple[Value, list[Fraction]]:
    numbers = [r.choice([0, 1, r.randrange(-most, most), r.randrange(1000)]) for _ in range(ROWS)]
    data = np.array(numbers, np.int64)
    return Value("number", data, None, "rows", scale), [Fraction(one, 10**scale) for one in numbers]


@pytest.mark.parametrize("most", [10**6, 10**12, 10**15])
@pytest.mark.parametrize("seed", [1, 2])
def test_products_and_sums_are_compared_as_fractions_are(seed: int, most: int) -> None:
    r = random.Random(seed)
    (a, exact_a), (b, exact_b), (c, exact_c) = (column(r, scale, most) for scale in (3, 2, 0))
    product, exact_product = (
        times(times(a, b, "rows"), c, "rows"),
        [x * y * z for x, y, z in zip(exact_a, exact_b, exact_c, strict=True)],
    )
    for number in range(0, ROWS, 2):  # half of them equal, or a thousandth of a thousandth beside
        exact_c[number] = exact_product[number]
    near = Value("number", np.array([int(x * 10**9) for x in exact_c], object), None, "rows", 9)
    left, exact_left = plus(product, a, -1, "rows"), [x - y for x, y in zip(exact_product, exact_a, strict=True)]
    right, exact_right = plus(near, a, -1, "rows"), [x - y for x, y in zip(exact_c, exact_a, strict=True)]
    for sign, says in SIGNS.items():
        found, unsure = compared(sign, left, right, "rows")
        sure = np.ones(ROWS, bool) if unsure is None else ~unsure
        wrong = [
            number
            for number, (x, y) in enumerate(zip(exact_left, exact_right, strict=True))
            if sure[number] and found.data[number] != says(x, y)
        ]
        assert not wrong
        assert sure[1::2].sum() > ROWS // 8, "what floats leave open is the exception"
