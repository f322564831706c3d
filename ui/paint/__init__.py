"""The brush canvas: paints masks and sketches on pictures. Imported when it is first shown."""
