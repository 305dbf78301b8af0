"""Bytes to values and back: the BitChat packet formats and the envelope between sites."""
