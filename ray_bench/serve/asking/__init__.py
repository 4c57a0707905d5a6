"""Asking for a sweep: the fields of the form, what they say, and what the sweep would take."""
