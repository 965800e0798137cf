"""The only package that touches ComfyUI's internals (`comfy.*`, `folder_paths`, `server`).

Written against ComfyUI 0.30.0. When ComfyUI moves, this is the place to change.
"""
