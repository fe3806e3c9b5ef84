"""Output of the tap: messages, log lines, and progress."""
