"""An environment with Home Assistant's code in it, made once under build/, for its schemas only.

Home Assistant pins some sixty packages, many of them to be compiled; its MQTT schemas need about a third. So it is
installed without them, and what the schemas import in the versions it pins, or, where this machine has none of those, in any.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
BUILD = ROOT / "build" / "home-assistant"
NEWEST_FIRST = ("3.15", "3.14", "3.13")  # with which Home Assistant has device discovery
JUDGE = Path(__file__).parent / "judge.py"
KNOWN = (
    *("voluptuous", "voluptuous-serialize", "PyYAML", "Jinja2", "aiohttp", "paho-mqtt", "aiozoneinfo", "annotatedyaml", "attrs"),
    *("atomicwrites-homeassistant", "awesomeversion", "bcrypt", "certifi", "ciso8601", "cryptography", "ifaddr", "lru-dict"),
    *("hass-nabucasa", "aiohttp-cors", "async-interrupt", "orjson", "packaging", "propcache", "PyJWT", "python-slugify", "requests"),
    *("typing-extensions", "ulid-transform", "webrtc-models", "yarl"),
)
"""What the schemas of 2025.4 import; what a later version imports besides is found by trying."""

MOST_TRIES = 20
_MISSING = re.compile(r"No module named '([^'.]+)")
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_PINS = """
from importlib import metadata
print("\\n".join(one for one in metadata.requires("homeassistant") if "==" in one))
"""


def python_for_it() -> str:
    """Return the newest Python here that Home Assistant runs on; skips without one."""
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3"), reverse=True)
    for version in NEWEST_FIRST:
        candidates = [shutil.which(f"python{version}"), *(str(path) for path in pyenv if f"/{version}." in str(path)), sys.executable]
        for candidate in filter(None, candidates):
            asked = subprocess.run([candidate, "-c", _VERSION], capture_output=True, text=True, check=False)
            if asked.stdout.strip() == version:  # pyenv's shims are there for versions that are not
                return candidate
    pytest.skip(f"Home Assistant needs Python {NEWEST_FIRST[-1]} or newer, and there is none here")


def environment() -> Path:
    """Return a Python that has Home Assistant, making it the first time; skips where it cannot be downloaded."""
    python = BUILD / "bin" / "python"
    done = BUILD / "done"
    if done.exists():
        return python
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.parent.mkdir(exist_ok=True)
    subprocess.run([python_for_it(), "-m", "venv", BUILD], check=True)
    _install(python, "--no-deps", "homeassistant")
    pins = BUILD / "pins.txt"
    pins.write_bytes(subprocess.run([python, "-c", _PINS], check=True, capture_output=True).stdout)
    if not _installs(python, "-c", str(pins), *KNOWN):
        for name in KNOWN:
            _install_pinned(python, pins, name)
    for _ in range(MOST_TRIES):
        tried = subprocess.run([python, JUDGE, "--only-import"], capture_output=True, text=True, check=False)
        missing = _MISSING.search(tried.stderr)
        if missing is None:
            break
        _install_pinned(python, pins, missing[1].replace("_", "-"))
    done.touch()
    return python


def _install_pinned(python: Path, pins: Path, name: str) -> None:
    """Install what Home Assistant pins, or another version if this machine cannot have that one without compiling."""
    if not _installs(python, "-c", str(pins), name):
        _install(python, name)


def _installs(python: Path, *what: str) -> bool:
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q"]
    command = [*pip, "install", "--only-binary=:all:", *what]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _install(python: Path, *what: str) -> None:
    if not _installs(python, *what):
        pytest.skip(f"{what[-1]} cannot be installed from the package index, which may not be reachable from here")
