"""Why an update does not happen: a closed set, because programs go by it."""

from enum import StrEnum

from gateway.errors import GatewayError


class Refusal(StrEnum):
    """Why a bundle or a wish is refused."""

    FORMAT = "format"  # it is no bundle, or not whole
    NO_KEY = "no_key"  # this box knows no release key
    KEY = "key"  # signed by somebody this box does not know
    SIGNATURE = "signature"  # the signature does not fit
    TAMPERED = "tampered"  # a member is not what the manifest says
    OLDER = "older"  # than the version that runs
    SAME = "same"  # as the version that runs
    TOO_FAR = "too_far"  # it cannot come from a version as old as this one
    MACHINE = "machine"  # for other boards
    PYTHON = "python"  # for other versions of Python
    NO_ROOM = "no_room"  # on the disk
    NOT_MADE = "not_made"  # it cannot be installed beside the running one
    BUSY = "busy"  # another update is on trial
    NO_PREVIOUS = "no_previous"  # there is nothing to go back to
    NOT_ALLOWED = "not_allowed"  # to whoever asks
    NOT_HERE = "not_here"  # this box is not kept in versions
    FAILED = "failed"  # systemd or the disk does not do it


class UpdateError(GatewayError):
    """An update that does not happen; the text says why, and `hint` what to do."""

    def __init__(self, refusal: Refusal, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.refusal = refusal
        self.hint = hint
