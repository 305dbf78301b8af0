"""A restart that is asked for over the control socket: only with the word, and noted with the user who asked."""

import os
from pathlib import Path

import pytest

from gateway.admin import serve
from gateway.admin.client import Connection, RefusedError
from gateway.admin.restart import BACK_S, RestartDocument, Restarting, RestartRequest
from gateway.client import Client
from gateway.errors import GatewayError
from gateway.store.audit import Actor


class Gate:
    """Something that can be restarted, unless it says why not."""

    def __init__(self, refusal: str = "") -> None:
        self.asked: list[tuple[Actor, str, int | None]] = []
        self._refusal = refusal

    async def restart(self, by: Actor, who: str, uid: int | None) -> None:
        if self._refusal:
            raise GatewayError(self._refusal)
        self.asked.append((by, who, uid))


async def test_a_restart_needs_the_word(tmp_path: Path) -> None:
    gate, path = Gate(), tmp_path / "control.sock"
    async with serve(path, Restarting(gate.restart).answers()):
        for confirm in ("", "yes", "RESTART"):
            with pytest.raises(RefusedError) as refused:
                await Connection(path).ask("POST", "/api/v1/restart", RestartDocument, RestartRequest(confirm))
            assert refused.value.document.code == "not_confirmed"
        assert gate.asked == []
        assert (await Client(path).restart()).seconds == BACK_S
    assert gate.asked == [(Actor.CONTROL_SOCKET, "", os.getuid())]


async def test_why_there_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serve(path, Restarting(Gate("It has only just started.").restart).answers()):
        with pytest.raises(RefusedError, match="only just started") as refused:
            await Client(path).restart()
    assert refused.value.document.code == "too_soon"
