"""The bytes themselves: content-addressed files that are never overwritten."""
