"""Where work is done that takes long: one file per engine."""
