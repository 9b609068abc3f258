"""Sequences of images: PNG, TIFF, DPX and EXR."""
