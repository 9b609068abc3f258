"""What every room uses: frames, options, errors, files, images and progress; it imports no other room."""
