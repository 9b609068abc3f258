"""Writing the painted clip: a movie with the sound of its source, or a sequence of images."""
