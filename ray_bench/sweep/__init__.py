"""The application: what is planned, in which order, what is left, how far it is.

Knows no terminal and no web page: whoever shows a sweep gives a `Viewer`.
"""
