"""Many machines at once: which are equal, what differs, which findings they share. Pure, from reports."""
