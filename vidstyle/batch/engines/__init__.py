"""Engines: painting shots with several processes, or with several machines."""
