"""Checkpoints and recordings: a watch as plain JSON types, and back."""
