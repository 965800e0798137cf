"""The synthetic world of colored shapes: scenes, the words for them, and a detector that judges by pixels."""
