"""Every wait and bound of the recovery ladder, with its unit and reason."""

from typing import Final

from hw.bluez.steps import Step, Symptom

# Silence is natural where nobody is near, so it alone is answered rarely.
SILENCE_SCANNER_S: Final = 90.0  # seconds between new scanners; habluetooth's watchdog has the same 90 s
SILENCE_CYCLE_S: Final = 600.0  # seconds of silence without any link before the first power cycle
SILENCE_CYCLE_CAP_S: Final = 6 * 3600.0  # seconds, to which that wait doubles

# Evidence of a fault is answered quickly.
GRACE_S: Final[dict[Symptom, float]] = {
    Symptom.BLUEZ_GONE: 10.0,  # seconds: systemd or D-Bus activation may bring it back first
    Symptom.ADAPTER_GONE: 20.0,  # seconds: a replug, or a kernel driver that loads its firmware again
    Symptom.POWERED_OFF: 5.0,  # seconds: BlueZ's AutoEnable powers an adapter right after its start
    Symptom.ADVERTISING_FAILED: 15.0,  # seconds: registering again, which the transport does by itself, is gentler
}
SETTLE_S: Final[dict[Step, float]] = {
    Step.NEW_SCANNER: 10.0,  # seconds a step is given to show its effect
    Step.FORGET_DEVICES: 10.0,
    Step.POWER_CYCLE: 20.0,
    Step.RESET_ADAPTER: 40.0,  # a Pi's controller loads its firmware for some 10 s
    Step.RESTART_BLUETOOTH: 40.0,
}
REST_S: Final = 120.0  # seconds after everything was tried once; doubles with every round
WAIT_CAP_S: Final = 1_800.0  # seconds, the longest wait between two steps against a fault

FADE_S: Final = 600.0  # seconds after which an event (a failure, not a state) nobody noted again is forgotten
STEP_LIMIT_S: Final = 180.0  # seconds after which a step that never reported its end counts as failed
LOOK_AGAIN_S: Final = 60.0  # seconds, the longest `next_check` ever puts a look off
MAX_HISTORY: Final = 64  # attempts, and as many recoveries, that are remembered
MAX_ROUND: Final = 16  # rounds that still double a wait; far above where the caps hold already
