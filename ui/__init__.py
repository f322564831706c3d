"""The editor: windows and widgets of Qt. It never imports torch; the engine runs in a child."""

from ui.overrides import install as _install

# Before the first class of ours is made of one of Qt's.
_install()
