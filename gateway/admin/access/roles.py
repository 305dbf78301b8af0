"""What somebody who asks the API may do; a higher role may do everything a lower one may."""

from enum import IntEnum


class Role(IntEnum):
    """A role."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3
