"""Early warning: series, detectors, clusters, and how good they are. Public names of the room."""
