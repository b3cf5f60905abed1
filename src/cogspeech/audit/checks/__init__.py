"""What an audit looks for, one file each."""
