"""From a curve to a decision: what world sizes cost, which one to take, what to measure next."""
