"""Measure how well a GoT model plans, draws, follows a changed plan, and edits: `python dev.py eval`.

scores.py defines every metric.
"""
