"""The tools of the brush canvas, and the hands that hold them."""
