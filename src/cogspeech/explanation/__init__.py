"""7 · Which words moved the score."""
