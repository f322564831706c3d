"""The pages of the settings dialog, one a file."""
