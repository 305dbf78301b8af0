"""Nostr relays as a client: public places where finished events are published and read. Off unless configured."""
