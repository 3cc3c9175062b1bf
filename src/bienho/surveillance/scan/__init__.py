"""Space-time clusters among communes."""
