"""Reading from and writing to a terminal: text, progress, live view, signals."""
