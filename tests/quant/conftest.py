"""All tests of this folder need torch, which `nox -s kernels` has; where it is missing they are not collected."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]
