"""Judging: tasks, training, scores, results. The only room that knows both sound and methods."""
