"""What can be turned on a trained checkpoint: louder, quieter or off, fewer terms, fewer rows; two of them blended."""
