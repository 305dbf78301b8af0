"""Somebody in the machine's network: at its page as a browser is, and at its API as a program is."""

import hashlib
import http.client
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from tests.browser.people import NAME, PASSPHRASE

PLAIN: Final = 80
ANSWER_S: Final = 30.0
_SEAL: Final = re.compile(r'name="form" value="([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")


@dataclass
class Visitor:
    """Somebody who knows the machine's address and nothing else.

    Args:
        ports: where its ports can be called from here.

    """

    ports: dict[int, int]
    secure: int = 0
    """The machine's port of the encrypted page, once it was found."""
    fingerprint: str = ""
    """SHA-256 of the certificate that was shown."""
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where a browser here finds the page."""
        return f"https://127.0.0.1:{self.ports[self.secure]}"

    def is_there(self) -> bool:
        """Whether the page answers; from then on its encrypted port is known."""
        try:
            led = self._ask(http.client.HTTPConnection("127.0.0.1", self.ports[PLAIN], timeout=ANSWER_S), "GET", "/", {}, b"")
            self.secure = urlsplit(led.headers.get("Location", "")).port or 443
            return self.ask("GET", "/healthz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
        """Send a request to the encrypted page."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is its own authority; `fingerprint` is compared instead
        connection = http.client.HTTPSConnection("127.0.0.1", self.ports[self.secure], timeout=ANSWER_S, context=context)
        return self._ask(connection, method, path, headers or {}, body)

    def set_up(self, code: str) -> None:
        """Use the setup code and choose a passphrase.

        Raises:
            AssertionError: it is not accepted.

        """
        reply = self._submit("/setup", code=code, name=NAME, passphrase=PASSPHRASE)
        assert (reply.status, reply.headers.get("Location")) == (303, "/login"), reply.text

    def log_in(self) -> None:
        """Log in, and have a token made for `api`."""
        reply = self._submit("/login", name=NAME, passphrase=PASSPHRASE)
        assert reply.status == 303, reply.text
        wish = {"name": "the tests of the image", "scope": "admin", "days": 1, "current": PASSPHRASE}
        self.token = self._json("POST", "/api/v1/tokens", wish, {"Origin": self.address, "Cookie": self._jar()})["token"]

    def api(self, method: str, path: str, document: object = None, headers: Mapping[str, str] = MappingProxyType({})) -> Any:
        """Ask the API as a program with a token; what it answers.

        Raises:
            AssertionError: it refuses, with what it says.

        """
        return self._json(method, f"/api/v1/{path}", document, {"Authorization": f"Bearer {self.token}", **headers})

    def metrics(self) -> str:
        """Every number, as Prometheus reads them."""
        reply = self.ask("GET", "/metrics", {"Authorization": f"Bearer {self.token}"})
        assert reply.status == 200, reply.text
        return reply.text

    def _json(self, method: str, path: str, document: object, headers: dict[str, str]) -> Any:
        body = b"" if document is None else json.dumps(document).encode()
        reply = self.ask(method, path, headers | ({"Content-Type": "application/json"} if body else {}), body)
        assert reply.status < 300, f"{method} {path}: {reply.status} {reply.text}"
        return json.loads(reply.body)

    def _submit(self, path: str, **fields: str) -> Reply:
        shown = self.ask("GET", path, {"Cookie": self._jar()} if self.cookies else {})
        seal = _SEAL.search(shown.text)
        assert seal is not None, f"{path}: {shown.status} {shown.text}"
        headers = {"Cookie": self._jar(), "Origin": self.address, "Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, headers, urlencode({"form": seal[1], **fields}).encode())

    def _jar(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _ask(self, connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        try:
            connection.connect()
            if isinstance(connection.sock, ssl.SSLSocket):
                self.fingerprint = hashlib.sha256(connection.sock.getpeercert(binary_form=True) or b"").hexdigest()
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        for line in reply.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                if morsel.value:
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
        return reply
