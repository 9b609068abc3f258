"""Painting a frame: the style target, the palette, and the methods of painting."""
