"""1 · Recordings: what lies on disk becomes participants, labels and audio."""
