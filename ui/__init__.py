"""The editor: windows and widgets of Qt. It never imports torch; the engine runs in a child."""
