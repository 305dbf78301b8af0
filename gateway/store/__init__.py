"""What outlives a restart: messages on their way, history, and the record of decisions, in one SQLite file."""
