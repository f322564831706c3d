"""Batches: a graph run thousands of times without a window, journalled, on several workers."""
