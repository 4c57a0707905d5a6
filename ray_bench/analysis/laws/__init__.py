"""Scaling laws, one a file, and the fit that they share.

Imports what analysis imports.
"""
