"""Masks as graph data: strokes (vectors), how they become pixels, and what is done to those.

numpy and scipy alone, no torch and no Qt: the canvas and the engine share this code, and with it
every pixel.
"""
