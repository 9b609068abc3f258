"""What an unfinished run leaves on disk, so that the same command can go on with it."""
