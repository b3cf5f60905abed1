"""Where the embedding is done: one file per engine."""
