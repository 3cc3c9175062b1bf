"""The portal: pages for people, read through the gate. Public names are in its modules; see README.md.

Nothing is imported here: Django must be configured before its parts are, and `settings.set_up` does that.
"""

__all__ = ["house", "serve", "settings", "signin"]
