"""CVAT: XML for video and for images, exported archives, backups."""
