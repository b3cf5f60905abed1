"""What a finished system still tells when its test recordings are made harder."""
