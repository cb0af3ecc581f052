"""The freeze: at the deadline the standings become a final, immutable, reproducible, signed result."""
