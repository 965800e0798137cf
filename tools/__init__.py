"""The tools behind dev.py. They run inside its environment, as modules of the alias `got` (see run.py)."""
