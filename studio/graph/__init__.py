"""The graph document: format, migrations and validation."""
