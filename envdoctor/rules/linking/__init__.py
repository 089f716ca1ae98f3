"""Headers, libraries and linking: what a build includes and links, and where it is."""
