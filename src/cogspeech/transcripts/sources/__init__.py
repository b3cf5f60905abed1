"""Where words come from: files, or a recogniser; one file each."""
