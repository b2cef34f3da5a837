"""Settings chosen in the open: the same number of trials for each method, on clips and a task that rank nobody."""
