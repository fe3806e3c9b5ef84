"""Singer tap for Kayzen, the mobile advertising platform."""
