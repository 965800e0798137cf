"""What tests and bench compare the pack with: the plain reference script, released layouts, tiny Qwens."""
