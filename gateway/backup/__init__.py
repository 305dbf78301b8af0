"""Backups: one encrypted file with everything that makes a gateway what it is, and how another box becomes it."""
