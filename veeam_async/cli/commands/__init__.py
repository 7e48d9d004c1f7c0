"""The commands: one module for each, or for those that belong together.

A function's signature is its options and its docstring is its `--help`.
"""
