"""Links to other gateways over WebSocket and TLS, for networks that let nothing else through."""
