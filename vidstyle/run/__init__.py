"""One run: its plan, the painting, the manifest, and continuing after a stop."""
