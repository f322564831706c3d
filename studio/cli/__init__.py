"""The commands behind `main.py`. Each module is imported by the command that needs it."""
