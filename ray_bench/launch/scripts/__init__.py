"""Somebody else's script or Ray Train function as a run: started, followed, ended and recorded."""
