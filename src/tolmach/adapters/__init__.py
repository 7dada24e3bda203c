"""Everything that touches the outside. One folder for each neighbour."""
