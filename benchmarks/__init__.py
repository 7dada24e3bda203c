"""Measurements against peers, as ratios in one run. `python -m benchmarks [name …]`; each module has `main()`."""
