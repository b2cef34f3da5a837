"""Submitting a method to the board, and checking what was submitted: `python -m benchmark.submit my_method.py`."""
