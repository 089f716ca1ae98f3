"""Where sick environments are made and treated: what `ci/patients.py` and `ci/projects.py` share."""
