"""The single-file layout of the original code bases (CompVis, Stability AI, runwayml).

What a file's modules look like, read off the names and shapes of its tensors, and what the
library calls each tensor. No torch: names and shapes are in the header.
"""
