"""4 · Models that bring what was said and how it was said together."""
