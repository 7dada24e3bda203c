"""PS3 made usable: tags, UIDs, VRs, Part 10, data sets that keep every byte not asked to change."""
