"""Tests of the search for copies."""
