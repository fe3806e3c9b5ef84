"""The command line: options, files, the connection test, and exit codes."""
