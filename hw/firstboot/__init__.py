"""What a box does at its first starts, and with the files somebody puts on its boot partition: root's, one step at a time."""
