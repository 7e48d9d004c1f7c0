"""What a watch knows and tells, without a clock, I/O or asyncio."""
