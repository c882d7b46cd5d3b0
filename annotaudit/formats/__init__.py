"""Label files in and out."""
