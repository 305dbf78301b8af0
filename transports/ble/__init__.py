"""Links with phones and other gateways nearby, over Bluetooth LE, in both roles at once."""
