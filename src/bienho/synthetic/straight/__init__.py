"""From visits straight into the lake and the vault of a home of its own."""
