"""The messages that users see, one module per section of docs/troubleshooting.md."""
