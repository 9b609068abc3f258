"""Painting by gradient descent on the picture (Gatys et al. 2016, Ruder et al. 2016)."""
