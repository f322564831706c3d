"""Files and tabs: opening, saving, keeping unsaved work, and the tabs of the last time."""
