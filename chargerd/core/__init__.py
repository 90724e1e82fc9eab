"""The pure heart: events in, facts and levels out. No I/O, no clock, no await."""
