"""Writing the painted clip: a movie with the source's sound and other streams, or a sequence of images."""
