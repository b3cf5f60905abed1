"""Detectors of speech, one file each."""
