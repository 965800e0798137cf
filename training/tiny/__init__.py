"""The staged recipe that made GoT-Tiny."""
