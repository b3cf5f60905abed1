"""What a model is trained for: one plug-in each."""
