"""Commands of `rawgan`, one file each."""
