"""Where `ci/patients.py` makes sick environments and treats them."""
