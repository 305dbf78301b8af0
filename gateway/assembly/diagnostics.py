"""Has the running gateway examined, for the API."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.admin.operations import FindingDocument, Progress
from gateway.admin.problems import Problem, ProblemError
from gateway.admin.radio import HeardDocument, RadioControl, ScanRequest, heard_document
from gateway.config import Config
from gateway.config.editing import ConfigFile
from gateway.status import GatewayStatus

if TYPE_CHECKING:
    from gateway.doctor.finding import Finding

_NO_RADIO = Problem(404, "no_radio", "this gateway has no Bluetooth radio")


class Examiner:
    """Looks at the machine and at the gateway on it.

    Args:
        config: what the operator decided.
        file: the configuration with its origins, None if it came from nowhere.
        status: of the gateway.
        radio: the Bluetooth radio, None if there is none.

    """

    def __init__(self, config: Config, file: ConfigFile | None, status: Callable[[], GatewayStatus], radio: RadioControl | None) -> None:
        self._config = config
        self._file = file
        self._status = status
        self._radio = radio

    async def doctor(self, progress: Progress) -> tuple[FindingDocument, ...]:
        """Look at everything."""
        found, _ = await self._examine(progress)
        return tuple(FindingDocument(one.check, one.subject, one.verdict.value, one.sentence, one.remedy) for one in found)

    async def scan(self, request: ScanRequest, progress: Progress) -> tuple[HeardDocument, ...]:
        """Listen; raises `ProblemError` if there is nothing to listen with."""
        radio = self._radio
        if radio is None or not any(adapter.central for adapter in radio.radio().adapters):
            raise ProblemError(_NO_RADIO, "There is no Bluetooth radio here that could listen.", "See: meshgate radio links.")
        progress(0.1, f"It listens for {request.seconds:.0f} seconds.")
        rows = await radio.scan_report(request.seconds)
        return tuple(heard_document(row, peer_ids=request.peer_ids) for row in rows)

    async def bundle(self) -> bytes | None:
        """Return the support archive; None if there is no configuration to pack."""
        if self._file is None:
            return None
        from gateway.doctor.bundle import documents, pack  # noqa: PLC0415 -- slow to import

        found, bluez = await self._examine(lambda _done, _sentence: None)
        packed = io.BytesIO()
        pack(packed, documents(self._file.loaded(), found, self._status(), bluez))
        return packed.getvalue()

    async def _examine(self, progress: Progress) -> "tuple[list[Finding], str]":
        from gateway.config.radio import ClockTrust  # noqa: PLC0415
        from gateway.doctor.facts import RadioWants  # noqa: PLC0415
        from gateway.doctor.gather import gather_radio  # noqa: PLC0415
        from gateway.doctor.host import examine_host  # noqa: PLC0415
        from gateway.doctor.radio import examine_radio  # noqa: PLC0415
        from gateway.doctor.reach import gather_host  # noqa: PLC0415

        radio = self._config.radio
        socket: Path = radio.recovery_socket
        progress(0.1, "It looks at the radio.")
        facts = await gather_radio(socket, gateway_runs=True)
        progress(0.5, "It looks at the machine.")
        host = await gather_host(self._config, self._status())
        wants = RadioWants(radio.enabled, radio.announce_peer_id, radio.clock is ClockTrust.TRUST, radio.adapters)
        bluez = "not seen" if facts.bluez is None else ".".join(map(str, facts.bluez))
        return examine_radio(facts, wants, str(socket)) + examine_host(host), bluez
