"""Curves that other people measured, from the files that they have: tables and logs.

It may import the bottom rooms and pyarrow, openpyxl and numpy, none of them before a file needs it.
"""
