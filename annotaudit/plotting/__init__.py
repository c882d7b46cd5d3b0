"""Pictures: drawn on Axes, Axes returned, nothing shown."""
