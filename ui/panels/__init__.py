"""Panels around the canvas: one widget each, put into docks by the window."""
