"""Background work that goes on while the server runs, each supervised and restarted by its own loop."""
