"""The command line: one module per command, translated at this edge."""
