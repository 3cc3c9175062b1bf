"""Where things are and what they may cost: home, keys, limits, province profile. Public names of the room."""

from bienho.config.home import Home, default_home
from bienho.config.keys import KeyRing, create_key, key_path, load_keys
from bienho.config.limits import DEFAULT, Limits
from bienho.config.profile import Commune, CommuneChange, Facility, ProvinceProfile, Side, Unit, load_profile

__all__ = [
    "DEFAULT",
    "Commune",
    "CommuneChange",
    "Facility",
    "Home",
    "KeyRing",
    "Limits",
    "ProvinceProfile",
    "Side",
    "Unit",
    "create_key",
    "default_home",
    "key_path",
    "load_keys",
    "load_profile",
]
