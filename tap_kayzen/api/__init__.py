"""Sends single requests: login, throttling, retries, and errors."""
