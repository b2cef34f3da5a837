"""Factors read back from sound by tools that are not ours: librosa, pyloudnorm, mir_eval."""
