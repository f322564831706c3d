"""What the mouse and the fixed keys do, for the cheat sheet. The gestures are in
`ui/editor/gestures`."""

from __future__ import annotations

GESTURES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Move around", (
        ("Wheel", "Zoom at the cursor"),
        ("Space + drag", "Pan; the middle button does it too"),
        ("Drag the minimap", "Go there"),
        ("Esc", "Stop what the mouse is doing"),
    )),
    ("Add and select", (
        ("Double-click", "On empty canvas: add a node"),
        ("Drag", "On empty canvas: select what the box touches"),
        ("Shift + click", "Add to the selection; Ctrl + click turns around"),
        ("Drop a node on a wire", "Insert it there; Alt: don't"),
        ("Drop a file", "A picture becomes a node, a graph a tab"),
    )),
    ("Wires", (
        ("Drag from a port", "Make a wire; drop it on a node or on empty canvas"),
        ("Drag an input's end off", "Remove the wire, or bring it elsewhere"),
        ("Ctrl + drag a port", "Bring all its wires elsewhere"),
        ("Alt + click a port", "Remove its wires"),
        ("Ctrl + right drag", "Cut wires"),
        ("Shift + drag a wired input", "A second wire from the same output"),
        ("Double-click a wire", "Add a reroute; Alt + click too"),
    )),
    ("Values", (
        ("Drag a number", "Change it; Shift: finely, Ctrl: coarsely"),
        ("Double-click a field", "Type the value, or a sum"),
        ("Enter", "Edit the first field of the selected node"),
        ("Ctrl + Up, Down", "In a prompt: weight of the selected words"),
        ("Right-click a field", "Make it a socket, or reset it"),
    )),
    ("Nodes", (
        ("Arrows", "Nudge the selection; Shift: by one pixel"),
        ("Ctrl + arrows", "Walk along the wires"),
        ("Alt + drag", "Drag a copy away"),
        ("Ctrl while dragging", "Move freely, without grid and guides"),
        ("Drag the right edge", "Change the width"),
        ("Double-click the title", "Rename"),
        ("F while dragging", "Put into the frame below, or take out"),
    )),
)  # fmt: skip
"""Headings, and under each what to do and what comes of it."""
