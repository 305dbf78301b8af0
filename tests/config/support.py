"""A world of its own for each configuration that is read: nothing of this machine's."""

from pathlib import Path

from gateway.config import InvalidConfigError, Loaded, load
from gateway.config.paths import Places

ALICE = "12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf"
BOB = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"


def places(root: Path) -> Places:
    return Places(
        state=Path("/var/lib/meshgate"),
        runtime=Path("/run/meshgate"),
        home=Path("/home/ada"),
        config=(root / "etc", root / "xdg"),
        shipped=root / "usr" / "conf.d",
    )


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def read(root: Path, text: str = "", *, env: dict[str, str] | None = None, overrides: list[str] | None = None) -> Loaded:
    """Load with `text` as the main file."""
    write(root / "etc" / "config.toml", text)
    return load(None, env or {}, overrides or [], where=places(root))


def refusal(root: Path, text: str = "", *, env: dict[str, str] | None = None, overrides: list[str] | None = None) -> InvalidConfigError:
    """The error that loading ends with."""
    try:
        read(root, text, env=env, overrides=overrides)
    except InvalidConfigError as error:
        return error
    raise AssertionError("the configuration was accepted")
