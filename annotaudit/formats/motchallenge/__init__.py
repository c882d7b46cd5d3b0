"""MOTChallenge: lines of tracks, and the folder of a sequence."""
