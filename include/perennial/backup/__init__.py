"""Copy a store, put the copy back, and find out whether a store is complete."""
