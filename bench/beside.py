"""The same series through R's `surveillance`, where R is installed: same settings, same weeks, alarm by alarm.

Debian has it as `r-cran-surveillance`. R takes milliseconds for one week of one series: what it is spared is told.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bienho.surveillance import Panel, detect
from bienho.surveillance.panel import Booleans, Floats

SCRIPT = """
suppressMessages(library(surveillance))
given <- commandArgs(trailingOnly = TRUE)
counts <- unname(as.matrix(read.csv(given[1], header = FALSE)))
asked <- unname(as.matrix(read.csv(given[2], header = FALSE))) == 1
control <- eval(parse(text = given[3]))
upper <- alarm <- matrix(NA, nrow(asked), ncol(asked))
for (series in which(colSums(asked) > 0)) {
  at <- which(asked[, series])
  control$range <- nrow(counts) - nrow(asked) + at
  found <- farringtonFlexible(sts(observed = counts[, series], frequency = as.integer(given[4])), control)
  upper[at, series] <- found@upperbound
  alarm[at, series] <- found@alarm
}
write.table(t(upper), given[5], row.names = FALSE, col.names = FALSE, sep = ",")
write.table(t(alarm * 1), given[6], row.names = FALSE, col.names = FALSE, sep = ",")
"""
NEEDED = "quit(status = if (requireNamespace('surveillance', quietly = TRUE)) 0 else 1)"


@dataclass(frozen=True)
class Beside:
    """Alarms and limits (S, K) of ours and of R, NaN where there is no limit; which were asked; CPU seconds of R."""

    ours: Booleans
    theirs: Booleans
    our_upper: Floats
    their_upper: Floats
    asked: Booleans
    their_cpu: float

    def as_dict(self) -> dict[str, object]:
        ours, theirs = self.our_upper[self.asked], self.their_upper[self.asked]
        with np.errstate(invalid="ignore"):
            off = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1)
        periods = int(self.asked.sum())
        return {
            "series": int(self.asked.any(axis=1).sum()),
            "periods": periods,
            "alarms": int(self.ours[self.asked].sum()),
            "r_alarms": int(self.theirs[self.asked].sum()),
            "alarms_that_differ": int((self.ours != self.theirs)[self.asked].sum()),
            "limits_in_one_only": int((np.isnan(ours) != np.isnan(theirs)).sum()),
            "largest_relative": float(np.nanmax(off, initial=0.0)),
            "r_cpu_s": round(self.their_cpu, 1),
            "r_cpu_ms_per_period": round(1000 * self.their_cpu / periods, 2),
        }


def r_is_here() -> bool:
    """Whether R and its package are installed."""
    return bool(shutil.which("Rscript")) and not subprocess.run(["Rscript", "-e", NEEDED], check=False).returncode


def farrington_beside(panel: Panel, given: Mapping[str, str], asked: Booleans) -> Beside:
    """`farringtonFlexible` of R and ours with the same `given` (texts that R reads too).

    asked: (S, K), which of the last K periods; R is spared the others, and ours are left out of what is compared.
    """
    ours = detect(panel, "farrington", given, last=asked.shape[1])
    settings = "list(" + ", ".join(f"{name} = {value}" for name, value in given.items()) + ")"
    with TemporaryDirectory() as folder:
        counts, wanted, upper, alarm = (Path(folder) / f"{name}.csv" for name in ("counts", "asked", "upper", "alarm"))
        np.savetxt(counts, panel.observed.T, fmt="%d", delimiter=",")
        np.savetxt(wanted, asked.T, fmt="%d", delimiter=",")
        before = _children()
        files = (str(counts), str(wanted), settings, str(panel.frequency), str(upper), str(alarm))
        subprocess.run(["Rscript", "-e", SCRIPT, *files], check=True, capture_output=True)
        spent = _children() - before
        limits, alarms = (np.genfromtxt(path, delimiter=",", ndmin=2) for path in (upper, alarm))
    return Beside(ours.alarm & asked, alarms == 1, ours.upper, limits, asked, spent)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
