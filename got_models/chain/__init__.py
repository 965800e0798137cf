"""The chain as text: grammar, phrases, colors, boxes, requests, and a person's edits. No tensors, no ComfyUI."""
