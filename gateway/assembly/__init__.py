"""Makes the parts of a gateway out of its configuration, for `gateway.app` to put together."""
