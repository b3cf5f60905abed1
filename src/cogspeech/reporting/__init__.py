"""8 · The run folder and the report made from it."""
