"""VGG Image Annotator: the CSV of VIA 1 and 2."""
