"""A model folder on disk: manifest, weights, fp8, memory estimate, and files that appear only when complete."""
