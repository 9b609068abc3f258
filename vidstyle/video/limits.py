"""The largest clip that is read; larger files are damaged, or were made to exhaust memory or time."""

MOST_PIXELS = 8192 * 8192
"""In one frame: twice as many as in 8K. As floats such a frame takes 0.8 GB, and a run holds several."""

MOST_STREAMS = 100
"""In one file: a film with many languages has about sixty, and each is tried and reported."""

MOST_SAMPLES = 20_000_000
"""In the table of contents of one file, all streams together: a day at 60 frames a second with four sound tracks. They take
0.6 GB each time that the file is opened."""

MOST_FRAMES = 24 * 3600 * 60
"""In one movie: a day at 60 frames a second. The times of so many frames take 0.6 GB."""

MOST_SECONDS = 7 * 24 * 3600
"""From the first frame to the last: a week, as of a slow time lapse. Longer clips have damaged times."""

MOST_IMAGES = 1_000_000
"""In one sequence, missing ones included: eleven hours at 24 frames a second. In a longer one, a file has a stray number."""
