"""Boards of lines and what lives on them: the gate's inputs and contactors, insulation monitors, locks, lights."""
