"""Unfair views of a recording that must not predict anything, one file each."""
