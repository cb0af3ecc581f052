"""vCard files, read and written: 2.1, 3.0 and 4.0 come in, 4.0 goes out. No Django."""
