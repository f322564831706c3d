"""The built-in nodes, a file a family. Importing any of them loads no torch."""
