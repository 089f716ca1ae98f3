"""CUDA lines, Pythons, torches, architectures, images: one table, and what is made from it."""
