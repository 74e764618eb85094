"""Configuration of every command that trains: its options, their ranges, the check of them, and config.toml."""
