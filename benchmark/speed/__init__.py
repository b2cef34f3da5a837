"""How fast it is, part by part, each as a figure and as a share of the floor that the machine sets."""
