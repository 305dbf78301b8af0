"""What a box does at its first starts, and with the files somebody puts on its boot partition: a program of its own, root's, one step at a time."""
