"""Configuration of every training command: options, their ranges, and config.toml."""
