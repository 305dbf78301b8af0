"""Meshgate: a gateway between nearby BitChat phones and other islands of phones."""
