"""Finding, fetching and building with pip, CMake and git."""
