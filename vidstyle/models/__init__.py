"""Networks by name: their weights, where they come from, and the two that ship."""
