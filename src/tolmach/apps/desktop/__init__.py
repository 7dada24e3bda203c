"""The desktop program: files looked at, edited and sent by hand; it decides nothing, it calls and shows."""
