"""One signature check for a whole world.

In a flood every node verifies the same bytes with the same key, and the answer cannot
differ. A world of hundreds of nodes on one processor may share one memory of the answers;
each node still asks for every check it would make on its own.
"""

from gateway.mesh.peers import Verify
from gateway.wire.packet import Header


class SharedVerifier:
    """A `Verify` that remembers: same key, same bytes but for the TTL (which is not signed), same answer.

    Keeps at most `capacity` answers and starts afresh when they are used up.
    """

    __slots__ = ("_answers", "_capacity", "_verify", "asked", "computed")

    def __init__(self, verify: Verify, capacity: int = 100_000) -> None:
        self._verify = verify
        self._capacity = capacity
        self._answers: dict[tuple[bytes, bytes], bool] = {}
        self.asked = 0
        self.computed = 0

    def __call__(self, frame: bytes, public_key: bytes, header: Header) -> bool:
        """Answer like the check it stands for."""
        self.asked += 1
        key = (public_key, frame[:2] + frame[3:])
        answer = self._answers.get(key)
        if answer is None:
            if len(self._answers) >= self._capacity:
                self._answers.clear()
            self.computed += 1
            answer = self._answers[key] = self._verify(frame, public_key, header)
        return answer
