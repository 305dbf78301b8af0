"""What a person reads about the line to the broker."""

from gateway.telemetry.mqtt.values import LineDown, Trouble

_SENTENCES = {
    Trouble.UNREACHABLE: ("The broker {host} cannot be reached", "Check mqtt.brokers, the network, and whether the broker runs."),
    Trouble.TLS: (
        "There is no TLS with the broker {host}",
        "Check mqtt.authority_files, the name in the certificate, the clock of this machine, and whether this port speaks TLS at all.",
    ),
    Trouble.REFUSED: (
        "The broker {host} does not let this gateway in",
        "Check mqtt.username, mqtt.password_file and the certificate, and the broker's access list.",
    ),
    Trouble.VERSION: ("The broker {host} speaks neither MQTT 5 nor 3.1.1", "Check that the address is that of a broker."),
    Trouble.TAKEN: (
        "Somebody else calls itself {client} at the broker {host}",
        "A copy of this gateway's state directory must not run elsewhere: give one of them a new identity.",
    ),
    Trouble.WRONG_ID: (
        "The broker {host} calls this gateway by another name than {client}",
        "Let the broker allow this client ID, or give it another listener.",
    ),
    Trouble.SILENT: ("The broker {host} does not answer", "Check whether it has room on its disk and time to work."),
    Trouble.GARBAGE: ("The broker {host} says what is not MQTT", "Check that the address is that of a broker."),
    Trouble.LOST: ("The connection to the broker {host} was lost", "Check the network and the broker's log."),
}


def sentence_of(down: LineDown, host: str, client_id: str) -> tuple[str, str]:
    """Return what is wrong and what to do about it."""
    what, remedy = _SENTENCES[down.trouble]
    what = what.format(host=host, client=client_id)
    return f"{what}: {down.detail}." if down.detail else f"{what}.", remedy
