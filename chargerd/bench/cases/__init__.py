"""The cases, in the tables of the tool's document."""
