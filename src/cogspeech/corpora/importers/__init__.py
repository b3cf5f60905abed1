"""Importers: one corpus layout a file."""
