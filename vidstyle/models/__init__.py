"""The registry of weights files, and the two that ship in the package."""
