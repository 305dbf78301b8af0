"""Every cap of the radio's lower half, with its unit and the reason for its size."""

from typing import Final

# The bus
CONNECT_TIMEOUT_S: Final = 5.0  # seconds until the bus must have let us in
CALL_TIMEOUT_S: Final = 10.0  # seconds BlueZ may take to answer; a hung controller command takes it 2 s
POWER_TIMEOUT_S: Final = 15.0  # seconds for switching an adapter: its firmware is loaded meanwhile
TREE_TIMEOUT_S: Final = 5.0  # seconds for one listing of all objects
TREE_RETRY_S: Final = 1.0  # seconds before a BlueZ that did not list its objects is asked again
MAX_DEVICES: Final = 1_024  # devices kept: any stranger makes one with each new address, at about 3 kB

# The peripheral
MAX_CENTRALS: Final = 16  # phones linked at once per adapter; controllers hold about 10 connections
MAX_VALUE: Final = 512  # bytes, the longest GATT value (Bluetooth Core 5.4, 3.F.3.2.9)
NOTIFICATION_HEADER: Final = 5  # bytes that are not the value: 3, and 2 more where BlueZ may put several in one PDU (client feature bit 2)
MIN_MTU: Final = 100  # bytes: in a shorter frame a fragment is all header; the shortest counts for all who are notified the shared way
TAG_BYTES: Final = 13  # bytes of service data that fit a scan response beside a 128-bit UUID (31 bytes)
SOCKET_BYTES: Final = (
    32_768  # bytes of kernel memory a notify socket may hold (SO_SNDBUF): 30 to 60 frames; full only while bluetoothd hangs
)
SOCKET_END_S: Final = 0.25  # seconds from the end of a socket to the news that its phone has disconnected, at most
SHARED_AHEAD: Final = 16  # frames sent to all before BlueZ is known to have read the first: far less than the bus's socket holds
SHARED_WINDOW: Final = 64  # frames remembered as sent to all, so that they go out once: more than a burst
SENDING_AWAY: Final = 16  # connections being ended at once: no more than there can be
REGISTER_TIMEOUT_S: Final = 15.0  # seconds for BlueZ to read and accept what we offer
FAREWELL_TIMEOUT_S: Final = 3.0  # seconds for taking everything back at the end

# The pace of an adapter: what is handed to BlueZ for all its links together; bluetoothd queues more without a bound
PACE_START: Final = (
    16_000  # bytes a second until answered writes prove more: the slowest radio (1M, 27 octets) sends 19 kB/s half of the time
)
PACE_LEAST: Final = 8_000  # bytes a second, whatever is learned: one phone at the edge of reach answers late for its own reasons
PACE_MOST: Final = 100_000  # bytes a second: more than 2M with data length extension sends half of the time (79 kB/s)
PACE_AHEAD_S: Final = 0.1  # seconds of the pace that may go at once after a rest
PACE_LINK_AHEAD_S: Final = 0.05  # seconds of the pace one link may take without a turn, for the frames that follow: 0.8 to 5 kB
PACE_TICK_S: Final = 0.001  # seconds, the shortest wait for a turn: clocks round
PACE_LOOK_S: Final = 1.0  # seconds between two changes of the rate
PACE_LATE_S: Final = 0.25  # seconds: if even the quickest answer took longer, too much is on its way
PACE_QUICK_S: Final = 0.15  # seconds: if an answer took less, more may be; two connection intervals of 50 ms and a frame or two
PACE_UP: Final = 1.05  # times the rate when answers are quick
PACE_DOWN: Final = 0.8  # times the rate when they are late
PACE_FORGET_S: Final = 60.0  # seconds without an answer after which the rate is what it was at first

# Remedies; together they stay below the time limit of a step of the ladder (180 s)
SWITCH_TIMEOUT_S: Final = 10.0  # seconds for Powered to become what was accepted
BUSY_TRIES: Final = 5  # times: BlueZ is busy while it carries out another switch of the same adapter
BUSY_RETRY_S: Final = 1.0  # seconds in between
SWITCH_BACK_S: Final = 3.0  # seconds for switching an adapter on again when a power cycle is broken off
FORGET_TIMEOUT_S: Final = 30.0  # seconds for forgetting MAX_DEVICES devices
GONE_TIMEOUT_S: Final = 5.0  # seconds in which an adapter that was reset, or a service, vanishes
BACK_TIMEOUT_S: Final = 30.0  # seconds until it is there again: a Pi's controller loads its firmware for some 10 s
