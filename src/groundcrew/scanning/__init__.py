"""Looking for AI that nobody governs: in code, in logs of the network, in expenses. No database, no network, nothing is run."""
