"""Run tasks in the root directory of a system: one that is being built, or one that runs in a container of this machine.

Needs nothing but ansible-core, chroot(8) and, for a running one, nsenter(1). Both want root.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: root_directory
short_description: run tasks in a root directory
description:
  - Runs tasks with chroot in a directory that holds a whole system, such as the root of an SD card's image.
  - With O(leader) it enters the system that runs there in place of that.
  - The caller mounts /proc, /sys and /dev for a directory in which nothing runs; C(ansible/apply-to-root) does.
author: Meshgate
options:
  root:
    description: The directory.
    type: path
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
  leader:
    description: The number, on this machine, of the first process of the system that runs there; 0 if nothing does.
    type: int
    default: 0
    vars:
      - name: meshgate_leader
"""

_BUILDING = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_OFFLINE": "1",
}
_RUNNING = {name: value for name, value in _BUILDING.items() if name != "SYSTEMD_OFFLINE"}
_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")


class Connection(ConnectionBase):
    """One root directory."""

    transport = "root_directory"
    has_pipelining = True
    has_tty = False

    def _connect(self) -> Connection:
        root = self._root()
        if not (root / "etc").is_dir():
            raise AnsibleConnectionFailure(f"{root} is not the root directory of a system: it has no etc")
        self._connected = True
        return self

    def _root(self) -> Path:
        leader = self.get_option("leader")
        return Path(f"/proc/{leader}/root") if leader else Path(self.get_option("root")).absolute()

    def _inside(self, path: str) -> Path:
        return self._root() / path.lstrip("/")

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command line there; returns its exit code and what it wrote."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        leader = self.get_option("leader")
        enter = ("nsenter", f"--target={leader}", *_NAMESPACES, "--") if leader else ("chroot", str(self._root()))
        done = subprocess.run(  # noqa: S603 - what Ansible asks for
            [*enter, "/bin/sh", "-c", cmd], input=in_data or b"", capture_output=True, env=_RUNNING if leader else _BUILDING, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file there."""
        super().put_file(in_path, out_path)
        if not Path(in_path).exists():
            raise AnsibleFileNotFound(in_path)
        # By a command, not by path: links inside the directory are links of that system.
        with Path(in_path).open("rb") as file:
            code, _, said = self.exec_command(f"cat > {shlex.quote(out_path)}", in_data=file.read())
        if code:
            raise AnsibleConnectionFailure(f"{out_path} cannot be written: {said.decode(errors='replace')}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from there."""
        super().fetch_file(in_path, out_path)
        shutil.copyfile(self._inside(in_path), out_path)

    def close(self) -> None:
        """Nothing is held open."""
        self._connected = False

    def reset(self) -> None:
        """Likewise."""
