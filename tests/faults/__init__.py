"""Faults that are really injected into running processes, and what must hold all the same: `make faults`."""
