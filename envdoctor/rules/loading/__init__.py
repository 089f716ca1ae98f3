"""Loading and running: what the loader takes, the driver, and packages that fit each other."""
