"""Painting with a network that is fitted to a clip, or trained for a film (Johnson et al. 2016)."""
