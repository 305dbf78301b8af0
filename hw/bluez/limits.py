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
SOCKET_BYTES: Final = 32_768  # bytes of kernel memory a notify socket may hold (SO_SNDBUF): 30 to 60 frames
NOTIFY_RATE: Final = 24_000  # bytes per second and socket: what a good LE link carries; bluetoothd queues more without a bound
NOTIFY_BURST: Final = 12_000  # bytes that may go at once: half a second of it
SOCKET_END_S: Final = 0.25  # seconds from the end of a socket to the news that its phone has disconnected, at most
SHARED_FACTOR: Final = 2  # times that pace for what goes to all, counted once for each phone: what the air carries
SHARED_AHEAD: Final = 16  # frames sent to all before BlueZ is known to have read the first: far less than the bus's socket holds
SHARED_WINDOW: Final = 64  # frames remembered as sent to all, so that they go out once: more than a burst
SENDING_AWAY: Final = 16  # connections being ended at once: no more than there can be
REGISTER_TIMEOUT_S: Final = 15.0  # seconds for BlueZ to read and accept what we offer
FAREWELL_TIMEOUT_S: Final = 3.0  # seconds for taking everything back at the end

# Remedies; together they stay below the time limit of a step of the ladder (180 s)
SWITCH_TIMEOUT_S: Final = 10.0  # seconds for Powered to become what was accepted
BUSY_TRIES: Final = 5  # times: BlueZ is busy while it carries out another switch of the same adapter
BUSY_RETRY_S: Final = 1.0  # seconds in between
SWITCH_BACK_S: Final = 3.0  # seconds for switching an adapter on again when a power cycle is broken off
FORGET_TIMEOUT_S: Final = 30.0  # seconds for forgetting MAX_DEVICES devices
GONE_TIMEOUT_S: Final = 5.0  # seconds in which an adapter that was reset, or a service, vanishes
BACK_TIMEOUT_S: Final = 30.0  # seconds until it is there again: a Pi's controller loads its firmware for some 10 s
