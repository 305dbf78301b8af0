"""Links to other gateways over libp2p, run in a child process of their own."""
