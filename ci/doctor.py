#!/usr/bin/env python3
"""Run envdoctor from this checkout, as `python -m envdoctor` does, wherever one stands and whatever PYTHONPATH says."""

import runpy
import sys
from os.path import abspath, dirname

sys.path.insert(0, dirname(dirname(abspath(__file__))))
runpy.run_module("envdoctor", run_name="__main__", alter_sys=True)
