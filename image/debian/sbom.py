"""What is in an image, as a CycloneDX 1.5 document: Debian's packages and Python's wheels, each with version, hash and package URL."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote


def debian_packages(root: Path) -> Iterator[dict[str, str]]:
    """Return what dpkg has installed: Package, Version, Architecture and so on, in the order of their names."""
    text = (root / "var" / "lib" / "dpkg" / "status").read_text(errors="replace")
    found = [dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE)) for paragraph in text.split("\n\n")]
    yield from sorted(
        (one for one in found if one.get("Status") == "install ok installed"), key=lambda one: (one["Package"], one["Architecture"])
    )


def components(root: Path, packages: dict[str, dict[str, str]], wheels: dict[str, str], suite: str) -> Iterator[dict[str, Any]]:
    """Return every part.

    Args:
        root: root directory of the system.
        packages: what is locked, by name; see `image.debian.lock`.
        wheels: SHA-256 of each wheel, by its file's name.
        suite: Debian's release.

    """
    for one in debian_packages(root):
        name, version, machine = one["Package"], one["Version"], one["Architecture"]
        part: dict[str, Any] = {"type": "library", "name": name, "version": version}
        part["purl"] = part["bom-ref"] = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={machine}&distro={suite}"
        if name in packages:
            part["hashes"] = [{"alg": "SHA-256", "content": packages[name]["sha256"]}]
        yield part
    for file, digest in sorted(wheels.items()):
        name, version = file.split("-")[:2]
        name = re.sub(r"[-_.]+", "-", name).lower()
        part = {"type": "library", "name": name, "version": version, "hashes": [{"alg": "SHA-256", "content": digest}]}
        part["purl"] = part["bom-ref"] = f"pkg:pypi/{name}@{quote(version, safe='')}?file_name={quote(file)}"
        yield part


def write_sbom(out: Path, name: str, version: str, epoch: int, parts: list[dict[str, Any]], seed: uuid.UUID) -> None:
    """Write the document; the same parts give the same bytes."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{seed}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z"),
            "component": {"type": "operating-system", "name": name, "version": version, "bom-ref": name},
        },
        "components": parts,
    }
    out.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
