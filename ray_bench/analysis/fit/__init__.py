"""From a few measured world sizes to a law, chosen by prediction error, and a forecast."""
