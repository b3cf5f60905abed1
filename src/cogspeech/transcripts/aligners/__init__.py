"""How words of a known text get their times: one file each."""
