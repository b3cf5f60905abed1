"""Systems without a neural network, one file each."""
