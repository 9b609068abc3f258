"""Sequences of images, read and written: PNG, TIFF, DPX and EXR."""
