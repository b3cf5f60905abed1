"""2 · Words with times, turns and pauses."""
