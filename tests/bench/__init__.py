"""Speed and size of the daemon, measured against the budgets: `make bench`."""
