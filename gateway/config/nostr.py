"""The table of the Nostr relays."""

from typing import Annotated

import msgspec

from gateway.config.about import About
from gateway.config.checks import check_relay
from transports.limits import MAX_RELAYS


class NostrConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Nostr relays, over which phones with internet bridge their islands: public servers of other people."""

    enabled: Annotated[
        bool,
        About(
            "Whether what phones near this gateway sign for the bridge is published on Nostr relays, and what others published there "
            "for the same cells is put on the radio. Everybody can read it there, and each relay learns this gateway's IP address "
            "and the cells it asks for. It needs bridge.mode consent and bridge.cell."
        ),
    ] = False
    relays: Annotated[
        tuple[str, ...],
        About(
            "The relays to use; phones find each other only on a relay that they use too.",
            allowed="wss://HOST, wss://HOST:PORT/PATH, or ws://127.0.0.1:PORT for one on this machine",
            check=check_relay,
            most=MAX_RELAYS,
        ),
    ] = ()
