"""5 · Fitting a fusion, checkpoints, and the bundle that travels."""
