"""Where things are and what they may cost: home, keys, limits, province profile. Public names of the room."""

from bienho.config.home import Home, default_home
from bienho.config.keys import KeyRing, create_key, key_path, load_keys
from bienho.config.limits import DEFAULT, Limits

__all__ = ["DEFAULT", "Home", "KeyRing", "Limits", "create_key", "default_home", "key_path", "load_keys"]
