"""Statistical detectors, vectorised over series: a panel in, alarms out."""
