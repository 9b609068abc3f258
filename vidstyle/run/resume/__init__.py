"""Saving a run while it paints, so that the same command continues it after a stop."""
