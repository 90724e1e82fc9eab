"""Safety inputs and outputs: contactors, feedback, emergency stop, door."""
