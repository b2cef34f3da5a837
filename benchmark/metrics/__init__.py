"""Metrics: one family a file, arrays in, numbers out. Every ranked number is made here and nowhere else."""
