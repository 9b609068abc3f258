"""Many shots: lists of them, painting one after another or side by side, and the report of a night."""
