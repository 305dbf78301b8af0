"""The local API: what pages, commands and programs ask the running gateway."""

from gateway.admin.api import serve

__all__ = ["serve"]
