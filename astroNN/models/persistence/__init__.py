"""Saved networks: the folder, written whole and read with distrust."""
