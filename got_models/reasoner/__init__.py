"""Qwen2.5-VL as the reasoner: prompt, network, generation, sampling, loading."""
