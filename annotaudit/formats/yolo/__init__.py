"""YOLO: text files of shares, and their data.yaml."""
