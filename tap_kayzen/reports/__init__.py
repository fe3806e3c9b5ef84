"""What a report is: its definition and its columns."""
