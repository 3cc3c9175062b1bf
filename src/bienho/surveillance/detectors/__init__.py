"""Statistical detectors, vectorised over series: arrays in, alarms out."""
