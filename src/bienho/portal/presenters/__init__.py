"""Presenters: from the gate's rows to components. No HTTP here, no SQL, no storage."""
