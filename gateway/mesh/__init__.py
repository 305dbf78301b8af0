"""The mesh engine: what a BitChat node does with packets, as a pure state machine."""
