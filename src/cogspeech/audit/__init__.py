"""Stage 2b: may anything be concluded from these recordings? Findings with a verdict."""
