"""Fixes that last: changes of the project's files and commands, applied with consent, journalled, and taken back."""
