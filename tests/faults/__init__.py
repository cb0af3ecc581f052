"""Faults that are injected into running processes, and the properties that must hold despite them: `make faults`."""
