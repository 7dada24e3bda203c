"""tolmach stands between X-ray machines, PACS servers and hospital systems and makes them understand one another."""

__version__ = "0.1.0"
