"""One class a node: its schema and a few lines. The work is done in got_models."""
