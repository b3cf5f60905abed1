"""Every way to make a recording harder, one a file."""
