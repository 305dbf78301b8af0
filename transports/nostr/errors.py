"""What can go wrong with a relay."""


class RelayError(Exception):
    """A relay cannot be used now; the text says why, and `count` is the counter it goes to."""

    def __init__(self, why: str, count: str) -> None:
        super().__init__(why)
        self.count = count
