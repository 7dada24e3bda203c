"""The HTTP entrance: who may come in, what is asked, and the bridge between asyncio and everything else."""
