"""What tools say in logs, by subject, where several rules read it. Pure."""
