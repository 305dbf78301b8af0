"""Why something of the first boot was not done, in a sentence for whoever holds the card."""


class FirstBootError(Exception):
    """A step was not done; its text says why."""


class RefusedError(FirstBootError):
    """What the owner wants cannot be done; everything is as it was."""


class UnwritableError(FirstBootError):
    """The boot partition takes no writes."""
