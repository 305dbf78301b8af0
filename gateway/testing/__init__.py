"""Virtual phones, radios and islands, for tests, demos and training."""
