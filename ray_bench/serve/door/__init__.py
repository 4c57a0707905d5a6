"""Who comes in, and what is refused before any route: a chain around the application.

From the outside to the inside: `observed` (what is counted), `headers` (what a browser may do with
an answer), `refusals.Mishap` (500 without a traceback), `hosts` (by which names the service may be
called), `gate` (who asks, how often, how much, and whether a change was meant).
"""
