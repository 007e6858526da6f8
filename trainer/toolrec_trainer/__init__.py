"""Builds training data, fine-tunes, exports and evaluates; the daemon loads what it makes."""
