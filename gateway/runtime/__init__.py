"""The asyncio driver: it owns the loop, the clock and the queues, and decides nothing."""
