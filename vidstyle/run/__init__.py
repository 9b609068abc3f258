"""One run: planned, painted, recorded and resumed."""
