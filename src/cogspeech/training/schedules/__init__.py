"""How the learning rate goes: one file per schedule."""
