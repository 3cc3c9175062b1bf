"""The worker: one process that does what waits, one writer job at a time. See README.md for the public names."""
