"""Settings of every test."""

from hypothesis import settings

settings.register_profile("meshgate", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("meshgate")
