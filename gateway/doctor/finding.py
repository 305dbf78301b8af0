"""What an examination finds: one line each, with what to do."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    WARN = "warn"  # it works, and not as well as it could
    FAIL = "fail"  # it does not work
    UNKNOWN = "unknown"  # nobody here can tell


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    check: str  # what was looked at, for programs: "radio.power"
    subject: str  # of several such things, which one: "hci0"; empty where there is only one
    verdict: Verdict
    sentence: str
    remedy: str = ""  # empty if nothing is to be done


def ok(check: str, sentence: str, subject: str = "") -> Finding:
    """Make a finding with which all is well."""
    return Finding(check, subject, Verdict.OK, sentence)


def warn(check: str, sentence: str, remedy: str, subject: str = "") -> Finding:
    """Make a finding that costs something."""
    return Finding(check, subject, Verdict.WARN, sentence, remedy)


def fail(check: str, sentence: str, remedy: str, subject: str = "") -> Finding:
    """Make a finding with which it does not work."""
    return Finding(check, subject, Verdict.FAIL, sentence, remedy)


def unknown(check: str, sentence: str, remedy: str = "", subject: str = "") -> Finding:
    """Make a finding for what cannot be seen from here."""
    return Finding(check, subject, Verdict.UNKNOWN, sentence, remedy)
