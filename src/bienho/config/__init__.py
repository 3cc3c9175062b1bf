"""Where things are and what they may cost: home, keys, limits, province profile. Public names of the room."""

from bienho.config.doors import Doors, Sso, read_doors
from bienho.config.envelopes import combine_key, split_key
from bienho.config.home import Home, cores, cores_allowed, default_home
from bienho.config.keys import KeyRing, add_version, adopt_ring, create_key, drop_version, key_path, load_keys
from bienho.config.limits import DEFAULT, Limits
from bienho.config.notices import Mail, NoticeWays, read_notice_ways
from bienho.config.profile import Commune, CommuneChange, Facility, ProvinceProfile, Side, Unit, load_profile
from bienho.config.ring import Ring, WrapKeys, read_ring, write_ring

__all__ = [
    "DEFAULT",
    "Commune",
    "CommuneChange",
    "Doors",
    "Facility",
    "Home",
    "KeyRing",
    "Limits",
    "Mail",
    "NoticeWays",
    "ProvinceProfile",
    "Ring",
    "Side",
    "Sso",
    "Unit",
    "WrapKeys",
    "add_version",
    "adopt_ring",
    "combine_key",
    "cores",
    "cores_allowed",
    "create_key",
    "default_home",
    "drop_version",
    "key_path",
    "load_keys",
    "load_profile",
    "read_doors",
    "read_notice_ways",
    "read_ring",
    "split_key",
    "write_ring",
]
