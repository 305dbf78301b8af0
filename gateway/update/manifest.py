"""What a bundle says of itself, under the signature: which version, for what, and every byte in it.

A manifest is JSON. Its members' names say what they are: ``locks/cp313.txt`` (what is installed on that Python, with hashes),
``wheels/NAME.whl``, and ``units/PLACE`` (a file of systemd with its place below ``/``). docs/protocol/bundle.md has the bytes.
"""

import re
from typing import Annotated, Final

import msgspec

from gateway.update.errors import Refusal, UpdateError
from gateway.update.limits import MAX_BUNDLE, MAX_MANIFEST, MAX_MEMBER, MAX_MEMBERS, MAX_NAME, MAX_UNIT
from gateway.update.versions import rank

FORMAT: Final = 1
NAME: Final = "meshgate"
LOCKS: Final = "locks/"
WHEELS: Final = "wheels/"
UNITS: Final = "units/"
_SHA256: Final = r"^[0-9a-f]{64}\Z"
_PYTHON: Final = r"^cp3[0-9]{1,2}\Z"
_MACHINE: Final = r"^[a-z0-9_]{1,16}\Z"
_MEMBER: Final = re.compile(
    r"locks/cp3[0-9]{1,2}\.txt"
    r"|wheels/[A-Za-z0-9][A-Za-z0-9_.+!-]*\.whl"
    # Only places in which nothing is run by itself that is not named meshgate, or that already belongs to us.
    r"|units/etc/systemd/system/(?:meshgate[a-z-]*\.(?:service|socket|timer|path)|bluetooth\.service\.d/meshgate\.conf)"
    r"|units/etc/(?:systemd/system\.conf\.d|sysusers\.d|tmpfiles\.d)/meshgate\.conf",
    re.ASCII,
)


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a bundle."""

    name: str
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_MEMBER)]  # bytes
    sha256: Annotated[str, msgspec.Meta(pattern=_SHA256)]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle says of itself."""

    format: int
    name: str
    version: str
    oldest: str  # version it can come from
    machine: Annotated[str, msgspec.Meta(pattern=_MACHINE)]  # as uname(2) says it: aarch64, x86_64
    pythons: Annotated[tuple[Annotated[str, msgspec.Meta(pattern=_PYTHON)], ...], msgspec.Meta(min_length=1, max_length=8)]
    members: Annotated[tuple[Member, ...], msgspec.Meta(min_length=1, max_length=MAX_MEMBERS)]  # in the order in which they stand


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes that are signed."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode_manifest(data: bytes) -> Manifest:
    """Read and check a manifest whose signature has been checked.

    Raises:
        UpdateError: it says something that no bundle of this format may say, signed or not.

    """
    if len(data) > MAX_MANIFEST:
        raise UpdateError(Refusal.FORMAT, "The manifest is too long.")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
        rank(manifest.version), rank(manifest.oldest)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise UpdateError(Refusal.FORMAT, f"The manifest makes no sense: {error}.") from error
    if manifest.format != FORMAT or manifest.name != NAME:
        raise UpdateError(
            Refusal.FORMAT, "This is a bundle of another program, or of another form.", "Update to a version in between first."
        )
    names = [member.name for member in manifest.members]
    if len(set(names)) != len(names) or not all(len(name) <= MAX_NAME and _MEMBER.fullmatch(name) for name in names):
        raise UpdateError(Refusal.FORMAT, "The bundle has a member that no bundle may have.")
    is_too_long = any(member.size > MAX_UNIT for member in manifest.members if member.name.startswith(UNITS))
    if is_too_long or sum(member.size for member in manifest.members) > MAX_BUNDLE:
        raise UpdateError(Refusal.FORMAT, "The bundle is too large.")
    if missing := [python for python in manifest.pythons if f"{LOCKS}{python}.txt" not in names]:
        raise UpdateError(Refusal.FORMAT, f"The bundle does not say what is installed on {missing[0]}.")
    return manifest


class Box(msgspec.Struct, frozen=True):
    """What a bundle has to fit."""

    version: str  # that runs; empty where none does yet
    machine: str
    python: str  # cp313


def fit(manifest: Manifest, box: Box, *, allow_downgrade: bool = False) -> None:
    """Say that a genuine bundle is for this box; an older version only where that is allowed.

    Raises:
        UpdateError: it is not.

    """
    if manifest.machine != box.machine:
        raise UpdateError(
            Refusal.MACHINE, f"The bundle is for {manifest.machine}, and this is {box.machine}.", "Get the one for this board."
        )
    if box.python not in manifest.pythons:
        raise UpdateError(Refusal.PYTHON, f"The bundle is for {', '.join(manifest.pythons)}, and this is {box.python}.")
    if not box.version:
        return
    there, here = rank(manifest.version), rank(box.version)
    if there == here:
        raise UpdateError(Refusal.SAME, f"Version {box.version} is what runs.")
    if there < here and not allow_downgrade:
        hint = "As root, --allow-downgrade takes it all the same; the state may be of a form it does not know."
        raise UpdateError(Refusal.OLDER, f"Version {manifest.version} is older than {box.version}, which runs.", hint)
    if here < rank(manifest.oldest) and there > here:
        hint = f"Update to {manifest.oldest} first."
        raise UpdateError(Refusal.TOO_FAR, f"Version {manifest.version} cannot come from {box.version}.", hint)
