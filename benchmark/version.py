"""The version of the benchmark: results of one version can be compared with each other, and with no others."""

BENCHMARK_VERSION = "0.5"
