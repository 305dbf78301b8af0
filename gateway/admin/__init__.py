"""The local API: what pages, commands and programs ask the running gateway."""
