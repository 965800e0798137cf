"""The nodes: a schema and a few lines per class. got_models does the work."""
