"""The report: one folder of pages that opens from disk, offline, made from results and from what runs left beside them.

`python -m benchmark.report`. Nothing is scored here: ranks and intervals are those of `benchmark.board`.
"""
