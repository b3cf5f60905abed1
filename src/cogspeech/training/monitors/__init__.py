"""What decides which epoch is the best: one file per monitored metric."""
