"""BetaNet: links between gateways that look like visits to an ordinary website, and mix hops over them."""
