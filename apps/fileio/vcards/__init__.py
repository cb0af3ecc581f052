"""vCard files: reads 2.1, 3.0 and 4.0, writes 4.0. No Django."""
