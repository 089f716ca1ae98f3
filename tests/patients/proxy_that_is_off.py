"""HTTPS_PROXY names a proxy of this machine that is not running."""

RULES = "ssl-or-proxy-failure"
SAYS = r"No matching distribution found for six"
NEEDS = "index"
BUILD = "python -m pip download --no-deps --dest dist six==1.17.0"
ENVIRONMENT = {"HTTPS_PROXY": "http://127.0.0.1:9", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
PROJECT = {"requirements.txt": "six==1.17.0\n"}


def make(box):
    box.venv("pip")
