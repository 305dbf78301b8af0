"""How systemd runs a gateway: units, users and places, shipped with the package and printed by ``meshgate units``."""
