"""One method, one file; the file name is the method name."""
