"""Statistics that measuring and explaining share: each is defined once, here.

The ground floor: it knows no records, no files and no other room, and needs numpy and scipy alone.
"""
