"""DC power supplies: groups of modules behind one set-point."""
