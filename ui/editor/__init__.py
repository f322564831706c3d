"""The canvas: scene, items, wires, gestures, inline editors."""
