"""Tasks of the benchmarks."""
