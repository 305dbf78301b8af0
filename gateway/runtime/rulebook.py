"""The operator's rules while the gateway runs: read at the start, and again when their file changes or somebody asks for it.

Rules:

* Rules are used whole or not at all: while the file has a problem, or has gone, those read before stay in force, and the status says so.
* A file that changes is read once it has been left alone for a moment. Half of a file may make sense as well, and mean something else.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gateway.admin.audit import Witness, nobody
from gateway.admin.policy import PolicyDocument, policy_document
from gateway.bridge.allowances import Left
from gateway.bridge.policy import BUILT_IN, Action, Policy
from gateway.config.policy import InvalidPolicyError, load_policy
from gateway.errors import ConfigError
from gateway.store import audit

LOOK_S: Final = 2.0  # seconds between two looks at the file, each of which is one stat
SETTLE_S: Final = 1.0  # seconds a file that has changed must be left alone before it is read
_Stamp = tuple[int, int, int]


class Rulebook:
    """Keeps the rules of one file in force.

    Args:
        file: where they stand.
        needed: whether the file has to be there at the start; else nothing but the mode decides until there is one.
        use: puts rules in force.
        report: told one sentence per change of state.
        witness: notes that rules have changed, or were not taken.
        left: what the limits of the rules in force have left, by rule.

    Raises:
        InvalidPolicyError: the file cannot be used at the start.

    """

    def __init__(
        self,
        file: Path,
        *,
        needed: bool,
        use: Callable[[Policy], None],
        report: Callable[[str], None],
        witness: Witness = nobody,
        left: Callable[[], Mapping[str, Left]] = dict,
    ) -> None:
        self._file = file
        self._use = use
        self._report = report
        self._witness = witness
        self._left = left
        self.policy = BUILT_IN
        self.trouble: tuple[str, str] | None = None
        self._seen: _Stamp | None = self._stamp()
        self._read = self._seen
        self._changed = 0.0
        if needed or self._is_there():
            self.policy = load_policy(file)
            use(self.policy)

    def look(self, now: float) -> None:
        """See whether the file has changed, and read it once it has been left alone for a while; `now` is in seconds."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen, self._changed = stamp, now
        elif stamp != self._read and now - self._changed >= SETTLE_S:
            self.read()

    def read(self) -> None:
        """Read the file, and put what stands there in force if it can be used."""
        self._read = self._stamp()
        if self._read is None and self.policy is BUILT_IN and not self._is_there():
            return
        try:
            policy = load_policy(self._file)
        except InvalidPolicyError as error:
            first = " ".join(str(error.problems[0]).split())
            trouble = (
                f"{error.summary}, so the rules read before stay in force.",
                f"{first} See: meshgate policy show --rules {self._file}",
            )
            is_news, self.trouble = trouble != self.trouble, trouble
            if is_news:
                self._report(" ".join(trouble))
                self._witness(audit.Actor.CONFIGURATION, audit.Action.POLICY_REFUSED)
            return
        is_news = self.trouble is not None or policy != self.policy
        self.trouble = None
        self.policy = policy
        self._use(policy)
        if is_news:
            self._report(f"The rules in {self._file} are in force now: {_count(policy)}.")
            self._witness(audit.Actor.CONFIGURATION, audit.Action.POLICY_CHANGED, _count(policy))

    def read_anew(self) -> None:
        """Read the file because somebody asks for it; raises `ConfigError` if those read before stay in force."""
        self.read()
        if self.trouble is not None:
            raise ConfigError(self.trouble[0])

    def document(self) -> PolicyDocument:
        """Return the rules in force, for the API."""
        return policy_document(self.policy, running=True, trouble=" ".join(self.trouble or ()), left=self._left())

    async def keep(self) -> None:
        """Look every `LOOK_S`; runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            self.look(loop.time())

    def _is_there(self) -> bool:
        """Say whether there is anything under that name; if nobody can tell, it may be, and reading it says what is wrong."""
        try:
            self._file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    def _stamp(self) -> _Stamp | None:
        """Return what changes when the file does, None if it cannot be seen."""
        try:
            seen = self._file.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_size, seen.st_ino


def _count(policy: Policy) -> str:
    rules = f"{len(policy.rules)} {'rule' if len(policy.rules) == 1 else 'rules'}"
    return f"{rules}, and what none of them fits {'may cross' if policy.default is Action.ALLOW else 'stays'}"
