"""The overlay: a folder of environment and shim files in which a command is run, cured from outside."""
