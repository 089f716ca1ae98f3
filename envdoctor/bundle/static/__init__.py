"""What of a bundle is proved from its files alone, for targets whose Python is not here too: one check a file. Pure."""
