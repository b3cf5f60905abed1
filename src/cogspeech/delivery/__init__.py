"""9 · The command line and the predictor."""
