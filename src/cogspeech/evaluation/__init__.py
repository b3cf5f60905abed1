"""6 · Protocol, metrics with intervals, comparisons and probes. Never imports torch."""
