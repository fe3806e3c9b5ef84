"""Everything the tap prints: messages, log lines, and progress."""
