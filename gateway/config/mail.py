"""The part of the configuration that says whether mail is held for people who are away."""

from typing import Annotated

import msgspec

from gateway.config.about import About


class MailConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sealed letters that phones leave here for people who are away."""

    enabled: Annotated[
        bool,
        About(
            "Whether this gateway takes such letters, keeps them for a day at most and hands them over. With false it takes none, "
            "and tells sites so; what it has stays on the disk until its time is over, and is handed over if this is true again by then."
        ),
    ] = True
