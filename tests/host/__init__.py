"""Tests of the machine under examination."""
