"""Label Studio: the JSON export, with images or videos."""
