"""What tools say in logs, by subject: what several rules read, and what would fill a rule alone. Pure."""
