"""Attribute operations as data; applying them; always returning what changed."""
