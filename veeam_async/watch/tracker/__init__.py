"""What a watch knows and tells: a pure state machine, without clock, I/O or asyncio."""
