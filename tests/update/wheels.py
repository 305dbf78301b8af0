"""A wheelhouse without a network: what is installed here, packed into wheels again, and this project at the versions wanted."""

import base64
import csv
import hashlib
import io
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from gateway.update.staging import PYTHON

ROOT = Path(__file__).parent.parent.parent
OLD, NEW, BAD = "0.1.0", "0.2.0", "0.3.0"
SPOILS = {OLD: "", NEW: "", BAD: "raise SystemExit('this version is no good')"}
OURS = ("gateway", "transports", "hw")


def needed() -> list[metadata.Distribution]:
    """Return what a gateway without extras needs, of what is installed here."""
    ahead, found = ["meshgate"], {}
    while ahead:
        name = re.sub(r"[-_.]+", "-", ahead.pop()).lower()
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                ahead.append(requirement.name)
    del found["meshgate"]
    return list(found.values())


def pack(one: metadata.Distribution, out: Path) -> Path:
    """Make the wheel again from which a distribution was installed."""
    tags = re.findall(r"^Tag: (\S+)$", one.read_text("WHEEL") or "", re.MULTILINE)
    pythons, abis, platforms = (".".join(sorted({tag.split("-")[part] for tag in tags})) for part in range(3))
    name = re.sub(r"[-_.]+", "_", one.metadata["Name"])
    path = out / f"{name}-{one.version}-{pythons}-{abis}-{platforms}.whl"
    rows, record = [], ""
    with zipfile.ZipFile(path, "w") as wheel:
        for file in one.files or ():
            if file.name == "RECORD":
                record = file.as_posix()
            elif ".." not in file.parts and file.suffix != ".pyc" and file.name not in {"INSTALLER", "REQUESTED", "direct_url.json"}:
                data = Path(str(one.locate_file(file))).read_bytes()
                wheel.writestr(file.as_posix(), data)
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                rows.append((file.as_posix(), f"sha256={digest}", len(data)))
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([*rows, (record, "", "")])
        wheel.writestr(record, text.getvalue())
    return path


def own_wheel(out: Path, scratch: Path, version: str, spoil: str = "") -> Path:
    """Build this project as another version; `spoil` is a line that is put at the top of its command ``run``."""
    shutil.copytree(ROOT, scratch, ignore=shutil.ignore_patterns(".git", ".venv*", "build", "tests", "docs", "__pycache__", ".*_cache"))
    project = scratch / "pyproject.toml"
    project.write_text(re.sub(r'^version = ".*"$', f'version = "{version}"', project.read_text(), count=1, flags=re.MULTILINE))
    if spoil:
        run = scratch / "gateway/cli/run.py"
        run.write_text(
            run.read_text().replace(
                "def run(args: argparse.Namespace) -> int:\n", f"def run(args: argparse.Namespace) -> int:\n    {spoil}\n"
            )
        )
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=scratch, check=True, capture_output=True
    )
    (wheel,) = out.glob(f"meshgate-{version}-*.whl")
    return wheel


def write_lock(wheelhouse: Path) -> None:
    lines = []
    for path in sorted(wheelhouse.glob("*.whl")):
        name, version = path.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
    (wheelhouse / f"{PYTHON}.txt").write_text("\n".join(lines) + "\n")
