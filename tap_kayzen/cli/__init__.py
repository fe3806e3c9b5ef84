"""The command line: arguments, files, the connection test, and exit codes."""
