"""A gateway without a radio whose every page can be looked at, with the worst texts strangers can send."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from gateway.admin.access.documents import (
    CertificateDocument,
    Done,
    NewToken,
    SessionDocument,
    SessionsDocument,
    TokenDocument,
    TokensDocument,
    UserDocument,
    UsersDocument,
)
from gateway.admin.access.roles import Role
from gateway.admin.audit import AuditDocument, ChangeDocument
from gateway.admin.backups import BackupDocument, BackupsDocument, ContentsDocument, RestoredDocument
from gateway.admin.changelog import NotesDocument
from gateway.admin.charts import ChartDocument, ChartsDocument
from gateway.admin.federation import FederationDocument, InviteDocument, JoinDocument, LeaveDocument, MemberDocument, RevokeDocument
from gateway.admin.frames import FrameDocument, FramesDocument, Way
from gateway.admin.logbook import LogEntry, LogLevel, LogsDocument
from gateway.admin.messages import MessageDocument, MessagesDocument, Stage
from gateway.admin.operations import FindingDocument, OperationDocument, OperationsDocument, Phase
from gateway.admin.pages import Pages
from gateway.admin.peers import PeerDocument, PeersDocument, Where
from gateway.admin.policy import HistoryDocument, LimitDocument, PolicyDocument, RuleDocument
from gateway.admin.requests import answers
from gateway.admin.restart import RestartDocument
from gateway.admin.route import Answers, Call
from gateway.admin.rules_file import RulesChangedDocument, RulesFileDocument
from gateway.admin.sending import PingDocument
from gateway.admin.settings import ChangedDocument, ConfigDocument, SettingDocument
from gateway.admin.transports import TransportDocument, TransportsDocument
from gateway.admin.update import Means, UpdatesDocument
from gateway.admin.versions import BegunDocument, BundleDocument, BundlesDocument
from gateway.admin.why import StepDocument, WhyDocument
from gateway.admin.wipe import WipeDocument
from gateway.status import AirSummary, GatewayStatus, Problem, RouteSummary
from tests.admin.documents import document
from tests.admin.listening import known, serving
from transports.link import TransportState

NOW = 1_800_000_000.0
WHEN = datetime.fromtimestamp(NOW - 90, UTC)
EVIL = "<script>alert('x')</script>\"'><img src=x>"
SITE = "12D3KooWBpYTF6ivu2HZHFpvc1964PE5q2tdc7dUrd2aDhMhcMq9"

CONTENTS = ContentsDocument(EVIL, EVIL, WHEN, EVIL, 8, False, 10, (EVIL,), (EVIL,))


def status() -> GatewayStatus:
    """A gateway with a problem whose words somebody else chose."""
    whole = document()
    bridge = msgspec.structs.replace(
        whole.bridge,
        routes=(RouteSummary(SITE, f"websocket:{EVIL}", (EVIL,), EVIL, 7),),
        air=(AirSummary(SITE, 1.0, 1.0, 1.0, 1.0, 9, 1, 2),),
        drops={EVIL: 3, "duplicate": 4},
    )
    return msgspec.structs.replace(whole, bridge=bridge, problems=(Problem(EVIL, EVIL),), sentence=EVIL)


TOKEN = TokenDocument("0badc0de", EVIL, "read", EVIL, "2027-01-10T08:00:00Z", "2027-01-20T08:00:00Z", None)
SECRET = "mgt_shown-this-once"  # noqa: S105 -- of nothing
PRINT = ":".join(f"{number:02X}" for number in range(32))

DOCUMENTS: Mapping[str, msgspec.Struct] = {
    "get_charts": ChartsDocument(
        300, tuple(ChartDocument(name, "", ((WHEN, 1.0), (datetime.fromtimestamp(NOW, UTC), 4.0))) for name in ("queue",))
    ),
    "list_peers": PeersDocument(
        (
            PeerDocument("00112233aabbccdd", Where.NEAR, EVIL, -60, WHEN, 3.0, ("bridge",), is_gateway=False),
            PeerDocument("1111111111111111", Where.RELAYED, None, None, None, 3.0, (), is_gateway=False),
            PeerDocument("2222222222222222", Where.ELSEWHERE, "Hut", None, None, 3.0, (), is_gateway=True),
        ),
        3,
        None,
    ),
    "list_messages": MessagesDocument((MessageDocument("ab" * 16, Stage.DROPPED, WHEN, EVIL, "policy", EVIL, EVIL, 3),), None),
    "get_why": WhyDocument(
        "ab", "ab" * 16, (EVIL,), (StepDocument(int(NOW * 1000), 12, "ab", "heard", "", "", "", "", EVIL),), int(NOW * 1000)
    ),
    "list_transports": TransportsDocument(
        (TransportDocument("websocket", 1, TransportState.DOWN, EVIL, EVIL, 0, (EVIL,), EVIL, "open", 1, 2, {EVIL: 5}),)
    ),
    "get_federation": FederationDocument(
        SITE, (MemberDocument(SITE, EVIL, (EVIL,), int(NOW) + 9, SITE, 1, linked=True, software=EVIL),), (), (), (), EVIL
    ),
    "invite": InviteDocument("MESHGATE:TICKET", "AB-CD", int(NOW) + 3600, "", ("link",), 1, 0, ("wss://127.0.0.1:1",)),
    "join": JoinDocument(SITE, EVIL, "waiting", EVIL),
    "revoke": RevokeDocument(SITE, EVIL, EVIL),
    "leave": LeaveDocument((SITE,), (), EVIL),
    "get_policy": PolicyDocument(
        EVIL,
        "deny",
        (RuleDocument(EVIL, 1, "limit", EVIL),),
        {},
        (EVIL,),
        running=True,
        trouble=EVIL,
        limits=(LimitDocument(EVIL, "site", 6, None, 1, None, 2),),
    ),
    "get_policy_history": HistoryDocument((), None),
    "get_policy_file": RulesFileDocument(EVIL, f"# {EVIL}\n", "tag"),
    "change_policy_file": RulesChangedDocument(dry_run=True, diff=f"+{EVIL}", words=(EVIL,), tag="tag"),
    "list_log": LogsDocument((LogEntry(1, WHEN, LogLevel.ERROR, "store", EVIL, {}),), 4),
    "get_config": ConfigDocument(
        EVIL,
        "tag",
        (SettingDocument("bridge.cell", EVIL, "", "file", EVIL, 3, restart=True, kind="text", sentence=EVIL, allowed="", choices=()),),
    ),
    "watch_frames": FramesDocument(
        9.0,
        3,
        (FrameDocument(WHEN, 0.5, Way.IN, 1, 1, EVIL, EVIL, 90, 7, directed=True, signed=True, verdict=EVIL, reason=EVIL, sender=EVIL),),
    ),
    "examine": OperationDocument("ab", "doctor", Phase.RUNNING, 0.1, EVIL, WHEN),
    "list_operations": OperationsDocument(
        (OperationDocument("ab", "doctor", Phase.DONE, 1.0, EVIL, WHEN, (FindingDocument("a", "b", "warn", EVIL, EVIL),)),)
    ),
    "ping": PingDocument(EVIL, "peer", 0.25, 2),
    "get_updates": UpdatesDocument(EVIL, Means.IMAGE, EVIL, (NotesDocument(EVIL, (EVIL, "Type `this`.")),)),
    "list_bundles": BundlesDocument((BundleDocument("/media/stick/a.meshgate", "7.7.7", "", ""), BundleDocument(EVIL, "", "key", EVIL))),
    "send_bundle": BundleDocument(EVIL, "7.7.7", "", "", sent=True),
    "apply_update": BegunDocument(EVIL),
    "roll_back_update": BegunDocument(EVIL),
    "list_backups": BackupsDocument(
        (BackupDocument("abcd", 1234, uploaded=False, seconds=60), BackupDocument("ef", 5, uploaded=True, seconds=9)), {}
    ),
    "create_backup": OperationDocument("op", "backup", Phase.RUNNING, 0.0, "", None),
    "get_operation": OperationDocument("op", "backup", Phase.DONE, 1.0, "", None, backup="abcd"),
    "send_backup": BackupDocument("ef", 5, uploaded=True, seconds=9),
    "get_backup_contents": CONTENTS,
    "restore_backup": RestoredDocument(False, CONTENTS, (EVIL,), (), "two"),
    "change_config": ChangedDocument(
        dry_run=True, changed=("gateway.nickname",), restart=("gateway.nickname",), shadowed=(EVIL,), diff=EVIL, tag="tag"
    ),
    "restart": RestartDocument("The gateway starts again now.", 30),
    "wipe": WipeDocument(("a", "b"), (), ()),
    "list_users": UsersDocument((UserDocument("ada", "admin", None), UserDocument(EVIL, "viewer", "2027-01-10T08:00:00Z"))),
    "add_user": UserDocument(EVIL, "viewer", None),
    "remove_user": Done(EVIL),
    "change_passphrase": Done(EVIL),
    "list_tokens": TokensDocument(
        (TOKEN, msgspec.structs.replace(TOKEN, expires="2027-01-11T08:00:00Z", by="", used="2027-01-11T07:00:00Z"))
    ),
    "make_token": NewToken(SECRET, TOKEN),
    "revoke_token": Done(EVIL),
    "list_sessions": SessionsDocument(
        (
            SessionDocument("s1", EVIL, EVIL, 3600, 60, encrypted=False, yours=False),
            SessionDocument("s2", "ada", "192.0.2.7", 60, 1, encrypted=True, yours=True),
        )
    ),
    "end_session": Done(EVIL),
    "get_certificate": CertificateDocument(PRINT, "2027-02-01T00:00:00+00:00", EVIL),
    "list_changes": AuditDocument(
        (
            ChangeDocument(8, None, "control_socket", 1000, EVIL, EVIL, 0, EVIL),
            ChangeDocument(7, int(NOW * 1000), EVIL, None, "login", EVIL, 2, EVIL),
        ),
        7,
        3,
    ),
}


class Visited:
    """The pages of that gateway, and what the API was asked for them."""

    def __init__(self, role: Role | None = Role.ADMIN, **changes: Any) -> None:
        self.asked: list[tuple[str, Call]] = []
        everybody: dict[str, Any] = {name: self._answer(name, found) for name, found in DOCUMENTS.items()}
        self.answers: Answers = {**answers(status), **everybody, **changes}
        self.pages = Pages(self.answers, known(role), status, name=EVIL, seal=lambda _request: "the-seal", wall=lambda: NOW)

    def _answer(self, name: str, found: msgspec.Struct) -> Callable[[Call], Any]:
        async def answer(call: Call) -> msgspec.Struct:
            self.asked.append((name, call))
            return found

        return answer

    async def ask(self, path: str, form: Mapping[str, str] | None = None, language: str = "en") -> tuple[int, str, Mapping[str, str]]:
        """Ask for a page, or send a form."""
        app = web.Application()
        app.add_routes(self.pages.routes())
        async with serving(app) as base, aiohttp.ClientSession(headers={"Accept-Language": language}) as session:
            method = "GET" if form is None else "POST"
            async with session.request(method, base + path, data=form, allow_redirects=False) as response:
                return response.status, await response.text(), response.headers


class Read(HTMLParser):
    """What a browser would make of a page: elements with attributes, and text outside of markup."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data
