"""Noise sessions, and encryption of things at rest."""
