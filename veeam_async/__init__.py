"""An asyncio client for Veeam Backup Enterprise Manager."""
