"""A narrow program with root's rights that resets Bluetooth hardware, and the client that asks it to."""
