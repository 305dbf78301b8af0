"""Put the first version on a machine that has nothing of Meshgate yet: python3 begin.py BUNDLE.

The bundle was checked where Ansible runs. What gateway.update.begin imports is unpacked from it, and that checks the bundle again.
"""

import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

BLOCK = 512
IMPORTED = {"meshgate", "msgspec", "cryptography", "cffi", "pycparser", "typing_extensions"}
RUN = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('gateway.update.begin', run_name='__main__', alter_sys=True)"
)


def padded(size: int) -> int:
    """Return what a member takes beside its header."""
    return size + -size % BLOCK


def main(path: Path) -> int:
    """Unpack what is needed, and run it."""
    with path.open("rb") as file, tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
        size = int(file.read(BLOCK)[124:135], 8)
        manifest = json.loads(file.read(padded(size))[:size])
        file.seek(2 * BLOCK, 1)  # the signature
        lock = ""
        for member in manifest["members"]:
            file.seek(BLOCK, 1)
            data = file.read(padded(member["size"]))[: member["size"]]
            if hashlib.sha256(data).hexdigest() != member["sha256"]:
                raise ValueError(f"{member['name']} is not what was signed")
            directory, _, name = member["name"].partition("/")
            if member["name"] == f"locks/cp{sys.version_info.major}{sys.version_info.minor}.txt":
                lock = data.decode()
            elif directory == "wheels" and name.partition("-")[0] in IMPORTED and member["sha256"] in lock:
                zipfile.ZipFile(io.BytesIO(data)).extractall(scratch)
        words = [sys.executable, "-I", "-c", RUN, scratch, str(path)]
        return subprocess.run(words, check=False).returncode  # noqa: S603 - words of our own


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
