"""Sends one request: login, throttle, retries, and errors."""
