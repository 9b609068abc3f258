"""Edits by OpenTimelineIO: read as shots, and written again with the painted files."""
