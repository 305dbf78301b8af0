"""Changes the file with the operator's rules: as a whole, and only to rules that can be used."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from gateway.bridge.policy import Policy
from gateway.config.policy import InvalidPolicyError, parse_policy
from gateway.config.problems import Layer, Origin, Problem
from gateway.config.writing import difference, put_in_place
from gateway.errors import ConfigError
from gateway.limits import MAX_POLICY_FILE


@dataclass(frozen=True, slots=True)
class RulesChange:
    """What other rules do to the file.

    Args:
        policy: what they say.
        diff: of the file, line by line.

    """

    policy: Policy
    diff: str


class PolicyFile:
    """The file with the rules.

    Args:
        path: where it is; it need not exist yet.

    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def text(self) -> str:
        """Return what stands there, empty if there is no file; raises `ConfigError`."""
        try:
            with self.path.open("rb") as file:
                return file.read(MAX_POLICY_FILE + 1).decode("utf-8-sig")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path} cannot be read: {error}.") from error

    def tag(self) -> str:
        """Return a word that is another whenever the text is; raises `ConfigError`."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:32]

    def change(self, text: str, *, write: bool) -> RulesChange:
        """Write other rules.

        Args:
            text: the whole file.
            write: whether to do it, or only to tell what it would do.

        Raises:
            InvalidPolicyError: they cannot be used; nothing was written.
            ConfigError: the file cannot be read or written.

        """
        if len(text.encode()) > MAX_POLICY_FILE:
            origin = Origin(Layer.FILE, str(self.path))
            raise InvalidPolicyError([Problem(origin, "", "the file is too large for a policy", f"at most {MAX_POLICY_FILE:,} bytes")])
        policy, before = parse_policy(text, str(self.path)), self.text()
        if write and text != before:
            put_in_place(self.path, text)
        return RulesChange(policy, difference(before, text))
