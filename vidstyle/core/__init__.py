"""What every room uses: nouns, options, errors, files, images and progress; it imports none of the others."""
