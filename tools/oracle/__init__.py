"""What tests and bench compare with: the plain reference script, released layouts, tiny Qwens."""
