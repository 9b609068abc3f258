"""Painting a frame: the style to reach, and the methods that reach it."""
