"""The records of what came and where it goes, in SQLite: one writer at a time, every commit synced."""
