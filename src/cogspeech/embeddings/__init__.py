"""3 · Audio events and text tokens: each recording encoded once."""
