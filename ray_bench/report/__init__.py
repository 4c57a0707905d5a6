"""What a report says, once (`model`), and its renderers: terminal, Markdown, JSON.

Imports analysis, config, records, errors and rich; never torch or ray.
"""
