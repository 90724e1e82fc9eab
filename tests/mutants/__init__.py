"""Deliberate faults in the daemon, to show that the conformance cases notice."""
