"""Other dialects than chat completions, each translated from and to them; a dialect's modules share its name as a prefix."""
