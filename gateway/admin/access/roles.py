"""What somebody may do; a higher role may do everything a lower one may."""

from enum import IntEnum


class Role(IntEnum):
    """Each may do what the ones before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3
