"""Painting by gradient descent on the image (Gatys et al. 2016, Ruder et al. 2016)."""
