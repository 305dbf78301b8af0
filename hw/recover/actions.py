"""What the helper does: three things, each checked as far as the kernel lets it be checked."""

import fcntl
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from hw.recover.devices import Bound, NotPossibleError, UsbPort, adapter_device, resettable, soft_switches
from hw.recover.limits import BIND_S, BIND_TRIES, PATIENCE_S, POLL_S, SYSTEMCTL_S, UNBIND_S
from hw.recover.protocol import Answer, Request, Verb

_USBDEVFS_RESET: Final = 0x5514  # _IO('U', 20) of linux/usbdevice_fs.h
_UNIT: Final = "bluetooth.service"
_ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class Actions:
    """Does what a request says; a test gives another root directory and another systemctl."""

    def __init__(self, root: Path = Path("/"), systemctl: Path = Path("/usr/bin/systemctl")) -> None:
        self._root = root
        self._systemctl = systemctl

    def do(self, request: Request) -> Answer:
        """Do one thing; never raises for what the kernel or systemd may say."""
        try:
            match request.verb:
                case Verb.RESTART_BLUETOOTH:
                    return self._restart()
                case Verb.RESET_ADAPTER:
                    return self._reset(request.adapter)
                case Verb.UNBLOCK_RADIO:
                    return self._unblock(request.adapter)
        except NotPossibleError as error:
            return Answer(ok=False, why=str(error), possible=False)

    def _restart(self) -> Answer:
        # A unit that failed too often is not started again until that is forgotten; it need not have failed.
        with suppress(_SystemctlError):
            self._run("reset-failed")
        try:
            try:
                self._run("restart", limit=PATIENCE_S)
            except _TooLongError:  # it hangs and does not even end
                with suppress(_SystemctlError):
                    self._run("kill", "--signal=SIGKILL")
                self._run("restart")
        except _SystemctlError as error:
            return Answer(ok=False, why=f"systemctl restart {_UNIT}: {error}")
        return Answer(ok=True)

    def _run(self, *words: str, limit: float = SYSTEMCTL_S) -> None:
        try:
            done = subprocess.run(  # noqa: S603 - fixed words, no shell, an environment of its own
                (self._systemctl, *words, _UNIT),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                timeout=limit,
                check=False,
            )
        except FileNotFoundError as error:
            raise NotPossibleError("There is no systemd here.") from error
        except OSError as error:
            raise _SystemctlError(error.strerror) from error
        except subprocess.TimeoutExpired as error:
            raise _TooLongError(f"it took more than {limit:g} s") from error
        if done.returncode:
            raise _SystemctlError(f"it ended with status {done.returncode}")

    def _reset(self, adapter: str) -> Answer:
        match resettable(self._root, adapter):
            case UsbPort(node):
                return _reset_usb(node)
            case Bound() as bound:
                return _rebind(bound)

    def _unblock(self, adapter: str) -> Answer:
        adapter_device(self._root, adapter)
        switches = soft_switches(self._root, adapter)
        if not switches:
            raise NotPossibleError(f"{adapter} has no radio switch.")
        for switch in switches:
            try:
                _write(switch, "0")
                if switch.read_text().strip() != "0":
                    return Answer(ok=False, why=f"The radio switch of {adapter} stays off.")
            except OSError as error:
                return Answer(ok=False, why=f"The radio switch of {adapter} cannot be turned: {error.strerror}.")
        return Answer(ok=True)


class _SystemctlError(Exception):
    pass


class _TooLongError(_SystemctlError):
    pass


def _reset_usb(node: Path) -> Answer:
    try:
        port = os.open(node, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        return Answer(ok=False, why=f"The USB device cannot be opened: {error.strerror}.", possible=False)
    try:
        fcntl.ioctl(port, _USBDEVFS_RESET, 0)
    except OSError as error:
        return Answer(ok=False, why=f"The USB device cannot be reset: {error.strerror}.")
    finally:
        os.close(port)
    return Answer(ok=True)


def _rebind(bound: Bound) -> Answer:
    link = bound.device / "driver"
    try:
        _write(bound.driver / "unbind", bound.device.name)
    except OSError as error:
        return Answer(ok=False, why=f"The driver does not let go of the device: {error.strerror}.", possible=False)
    if not _until(lambda: not link.is_symlink(), UNBIND_S):
        return Answer(ok=False, why="The driver does not let go of the device.")
    why = ""
    for _ in range(BIND_TRIES):
        try:
            _write(bound.driver / "bind", bound.device.name)
        except OSError as error:
            why = f" ({error.strerror})"
        if _until(link.is_symlink, BIND_S / BIND_TRIES):
            return Answer(ok=True)
    return Answer(ok=False, why=f"The driver let go of the device and does not take it again{why}; only a restart of the box helps.")


def _write(file: Path, text: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)  # never creates one
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(POLL_S)
    return True
