"""Linux Bluetooth as BlueZ shows it over D-Bus."""
