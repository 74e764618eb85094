"""The lab: a page on this machine that shows a run while it learns, and its training steps from the inside."""
