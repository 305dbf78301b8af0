"""Ways to move opaque frames: what a link is, and the transports that make links."""
