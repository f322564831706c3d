"""Checkpoints, text, denoisers, samplers and first stages."""
