"""The chain as text: its grammar, colors, boxes and a person's edits. No tensors, no ComfyUI."""
