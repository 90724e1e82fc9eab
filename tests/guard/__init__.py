"""A daemon, its guard and the wires as processes, and how soon a contactor opens when something happens to one of them."""
