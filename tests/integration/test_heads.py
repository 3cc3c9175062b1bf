"""The current version of a dossier: found, moved, forgotten, also where the one who moves has not looked before."""

from __future__ import annotations

from bienho.database import Role
from bienho.pipeline import open_app
from bienho.pipeline.heads import Head, Heads
from support.homes import temporary_home


def key(number: int) -> str:
    return f"{number:032x}"


def test_heads_move_whether_or_not_they_were_looked_for() -> None:
    first, second = Head(2**62 + 1, key(9)), Head(2**62 + 2, key(10))
    with (
        temporary_home(ready=True) as made,
        open_app(made.home.path) as app,
        app.database.connect(Role.WORKER, autocommit=True) as connection,
    ):
        heads, other = Heads(connection, "lake"), Heads(connection, "beside")
        assert heads.find([key(1), key(2)]) == {}
        heads.move({key(1): first, key(2): first, key(3): first}, 1)  # the third was not looked for
        assert heads.find([key(1), key(3), key(4)]) == {key(1): first, key(3): first}
        heads.move({key(1): second, key(3): second, key(4): second, key(2): second}, 2)
        found = {key(number): second for number in (1, 2, 3, 4)}
        assert heads.find(list(found)) == found
        assert other.find(list(found)) == {}
        other.move({key(1): first}, 1)
        heads.move({}, 3, [key(1), key(5)])
        assert heads.find([key(1), key(2)]) == {key(2): second}
        assert other.find([key(1)]) == {key(1): first}
        other.forget()
        assert other.find([key(1)]) == {}
