"""Around inpainting: where to crop, what to put under a mask, how to put the result back.

numpy and scipy only. Pictures are float32 [H, W, 3] in 0..1, masks float32 [H, W] in 0..1 with
1 = repaint. What a denoiser is shown is in `studio.diffusion.inpaint`.
"""

FILLS = ("none", "neutral", "edge", "blur", "telea", "navier_stokes")
"""What to put where a picture has nothing; `fills.fill` says what they are."""
