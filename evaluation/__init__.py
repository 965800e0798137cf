"""How well a GoT model plans, draws, obeys and edits: `python dev.py eval`. What counts as right: see scores.py."""
