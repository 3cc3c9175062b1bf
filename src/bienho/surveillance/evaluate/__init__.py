"""How good the detectors are, on series whose truth is known."""
