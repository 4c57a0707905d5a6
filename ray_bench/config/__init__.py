"""What a sweep is asked to do: models, YAML and `key=value` loading, the grid.

Imports records, errors, pydantic and yaml; nothing above them.
"""
