"""Checks compiled to set-based SQL over the standard zone."""

from bienho.quality.casts import cast_findings_sql, describe_cast_finding

__all__ = ["cast_findings_sql", "describe_cast_finding"]
