"""How much a preview may take, known to the process that decodes and to the one that asks."""

MEMORY = 2 << 30  # bytes of address space
SECONDS = 12  # of the processor; the window waits a little longer
MOST_PIXELS = 1400  # along the longer side
