"""Editing a graph: a live document, reversible edits, what fits where. No Qt, no torch."""
