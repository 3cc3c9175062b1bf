"""Checks compiled to set-based SQL over the standard zone, and when quarantine expires."""

from bienho.quality.casts import cast_findings_sql, describe_cast_finding
from bienho.quality.expiry import days_left, last_day, open_since

__all__ = ["cast_findings_sql", "days_left", "describe_cast_finding", "last_day", "open_since"]
