"""COCO detection JSON: stills, and videos with tracks."""
