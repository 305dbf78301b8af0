"""The closed sets that labels of metrics are taken from."""

from typing import Final

from gateway.admin import table
from gateway.admin.access.principal import Refused
from gateway.mesh.effects import Priority
from gateway.wire.types import MessageType, type_name
from hw.bluez.steps import Step

OTHER: Final = "other"
"""Stands for whatever is not in a set."""

DIRECTIONS: Final = ("in", "out")
PACKET_TYPES: Final = (*(type_name(kind) for kind in MessageType), "unknown")
STEPS: Final = tuple(step.value for step in Step)
WIDE: Final = ("libp2p", "websocket", "loopback")
TRANSPORTS: Final = ("ble", *WIDE, "nostr", "radio", "replay")
CLASSES: Final = tuple(priority.name.lower() for priority in Priority)
"""Classes of service on a link."""
METHODS: Final = (*table.METHODS, OTHER)
STATUSES: Final = ("2xx", "3xx", "4xx", "5xx")
ROUTES: Final = (*table.PATHS, OTHER)
REFUSED: Final = tuple(why.value for why in Refused)
"""Why the page sends somebody away."""

LETTERS: Final = ("taken", "known", "handed_over", "delivered", "copied", "sent_towards", "given_to_sites")
"""What is done with mail."""

TRANSPORT_EVENTS: Final = tuple(
    sorted(
        {
            # every transport
            *("frames_in", "frames_out", "refused"),
            # ble
            *("frames_bad", "links_dialled", "links_arrived", "links_silent", "idlers", "turned_away", "dials", "scans"),
            *("advertisements_heard", "recoveries"),
            *(f"dials_failed_{kind}" for kind in ("timeout", "aborted", "full", "vanished", "no_service")),
            *(f"dials_failed_{kind}" for kind in ("small_mtu", "refused", "short", "cut_off", "broken")),
            *(f"peripheral_{one}" for one in ("malformed", "notifications", "refused", "shared", "small_mtu", "socket_lost")),
            *(f"peripheral_{one}" for one in ("turned_away", "unsubscribed", "writes")),
            # libp2p and websocket
            *("batches_in", "batches_out", "retransmitted", "duplicates", "lost", "garbage", "links_up", "links_down", "resumed"),
            # libp2p and its child process
            *("restarts", "dials", "dial_failures", "stalls", "unexpected_streams", "refused_peers", "garbage_streams"),
            # websocket
            *("redundant", "stalled", "refused_by_them", "refused_tls", "refused_http"),
            *(f"refused_{one}" for one in ("malformed", "other_gateway", "itself", "signature", "not_member", "full", "late")),
            # nostr
            *("messages", "events", "answers", "sent", "notice", "auth", "garbage", "stray"),
            *("unreached", "unanswered", "closed", "flooded", "oversized", "nonsense"),
        }
    )
)
"""What transports count of themselves; a count under another name is not shown (a test looks for such)."""

NOT_EVENTS: Final = frozenset(
    {"bytes_in", "bytes_out", "failures", "frames_waiting", "links_central", "links_peripheral", *(f"step_{step}" for step in STEPS)}
)
"""Counts of transports that are no events, or have a metric of their own."""
