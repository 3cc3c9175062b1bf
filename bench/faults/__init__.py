"""Violence against the real command line, and the comparison that says whether anything came of it (laws 1, 2, 4)."""
