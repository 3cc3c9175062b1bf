"""A twin straight into the lake and the vault of a home of its own, for size: stencils, stamp, seals, block by block.

Clean first dossiers only: no dirt, no resends, no bare files. Truth lies beside, as Parquet: every person, every visit
with its version in the lake.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bienho.config import load_profile
from bienho.core.garbage import uncollected
from bienho.pipeline import App
from bienho.pipeline.judge import Judge
from bienho.pipeline.straight import finish, straight, twin_home
from bienho.synthetic.crew import workers
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan
from bienho.synthetic.straight.press import HEAD, SHARED, VARIANTS, Press
from bienho.synthetic.straight.rows import Twin
from bienho.synthetic.straight.seals import sealers
from bienho.synthetic.straight.truth import Truth

Progress = Callable[[int, int], None]
"""Called with (dossiers in the lake, dossiers in all)."""
BLOCKS = 12
"""How many blocks a twin has at least: while the first is looked at and the last is written little lies beside."""
LEAST, MOST = 60_000, 120_000
"""Visits that go to the lake together: every block costs its statements and files once, and memory must hold it."""


@dataclass(slots=True)
class LakeSummary:
    """What went in: `lines` counts rows of all XML tables, `stencils` the dossiers that were built."""

    persons: int = 0
    dossiers: int = 0
    lines: int = 0
    stencils: int = 0
    classes: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Plain values for `--json`."""
        return asdict(self)


def fill(
    plan: Plan,
    app: App,
    truth: Path | None = None,
    progress: Progress | None = None,
    *,
    conform: bool = True,
    processes: int | None = None,
    block: int | None = None,
    variants: int = VARIANTS,
    shared: int = SHARED,
) -> LakeSummary:
    """Put a twin into the empty home of `app`, and what follows from it into `conformed` and `derived`.

    `truth`: a folder for people.parquet, visits.parquet and plan.json. Without `conform` the blocks go to `standard`
    alone and are mapped whole at the end. So many `processes` cut and seal, None: one for every core but that of the
    writer; more take turns with it, and each learns all forms. `block`: about so many visits go to the lake together.
    Errors: ConfigError CFG-HOME-TWIN, UsageError (plan), StorageError.
    """
    twin_home(app.home)
    atlas = Map(load_profile("gialai"), plan.facilities)
    twin = Twin(plan, atlas, processes or workers())
    total = len(twin.events.visits)
    size = block or min(MOST, max(LEAST, total // BLOCKS))
    judge = Judge(app.vault, app.keys, app.limits)
    sealing = sealers(app.vault, judge, atlas, plan.seed, processes or (workers() - 1 if total >= size else 0))
    summary = LakeSummary(persons=twin.persons)
    with uncollected(), Truth(truth, plan, twin) as told, sealing as crew:
        with straight(app, conform=conform) as writer, app.vault.filling(), ExitStack() as stack:
            press = Press(writer, crew, atlas, plan.seed, variants, shared)
            taken = stack.enter_context(closing(press.take(twin.blocks(size))))
            for ready, counts in taken:
                summary.dossiers += counts.pop(HEAD)
                counts.pop("standard.delivery")
                for name, count in counts.items():
                    table = f"XML{name.rpartition('_')[2]}"
                    summary.rows[table] = summary.rows.get(table, 0) + count
                told.add(ready)
                if progress:
                    progress(summary.dossiers, total)
            summary.stencils, summary.classes = press.looker.made, len(press.looker.classes)
        finish(app, conformed=conform)
    summary.lines = sum(summary.rows.values())
    return summary
