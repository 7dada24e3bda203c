"""The pictures of the desktop program, drawn for it."""
