"""The sections of a report, one a topic; `report.folds` puts them together.

Imports what report imports.
"""
