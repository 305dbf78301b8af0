"""Where everything of the first boot is, below one root, so that a test has one of its own."""

from dataclasses import dataclass
from pathlib import Path

from hw.firstboot.codes import KEPT


@dataclass(frozen=True, slots=True)
class Places:
    """Paths of one box.

    Args:
        root: of its file system.
        owner: user and group of the gateway's own files; None leaves them to whoever runs this.

    """

    root: Path = Path("/")
    owner: tuple[int, int] | None = None

    @property
    def is_appliance(self) -> bool:
        """Whether this box was made by our image: only then are its partitions, name and network ours."""
        return (self.root / "usr/lib/meshgate/appliance").exists()

    @property
    def boot(self) -> Path:
        """The boot partition, which any computer can write."""
        return self.root / "boot/firmware"

    @property
    def card(self) -> Path:
        """What the owner wants."""
        return self.boot / "meshgate.toml"

    @property
    def done(self) -> Path:
        """The same after it was taken, without secrets."""
        return self.boot / "meshgate.toml.done"

    @property
    def problem(self) -> Path:
        """Why it was not taken."""
        return self.boot / "meshgate-problem.txt"

    @property
    def info(self) -> Path:
        """Where the page is and what opens it, if the owner wants that here."""
        return self.boot / "meshgate-info.txt"

    @property
    def reset(self) -> Path:
        """Asks for the box to forget."""
        return self.boot / "meshgate-reset"

    @property
    def cmdline(self) -> Path:
        """What the kernel is told."""
        return self.boot / "cmdline.txt"

    @property
    def etc(self) -> Path:
        """Settings; root's."""
        return self.root / "etc/meshgate"

    @property
    def kept(self) -> Path:
        """What is kept of the card, and what is under way."""
        return self.etc / "appliance.json"

    @property
    def drop_in(self) -> Path:
        """The gateway's settings from the card."""
        return self.etc / "conf.d/50-card.toml"

    @property
    def ssh(self) -> Path:
        """Host keys and who may come in, on a box whose /etc/ssh may be gone at the next start."""
        return self.etc / "ssh"

    @property
    def state(self) -> Path:
        """What the gateway keeps."""
        return self.root / "var/lib/meshgate"

    @property
    def record(self) -> Path:
        """What happened, for the gateway to show."""
        return self.state / "firstboot.json"

    @property
    def code(self) -> Path:
        """The setup code as long as nobody has used it."""
        return self.state / KEPT

    @property
    def ticket(self) -> Path:
        """A federation's ticket as long as it was not used."""
        return self.state / "card.ticket"

    @property
    def mqtt_password(self) -> Path:
        """The password at the owner's own broker."""
        return self.state / "mqtt.card-password"

    @property
    def broker_password(self) -> Path:
        """The password at the broker of this machine."""
        return self.state / "mqtt.password"

    @property
    def accounts(self) -> Path:
        """Who has a passphrase for the page."""
        return self.state / "access.json"
