"""Do more workers reach the same model? Equivalence tests, censoring, and what a target takes."""
