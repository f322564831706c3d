"""Weights on disk: what a file holds, from its header alone, and reading tensors one at a time."""
