"""The model card: what a version is for, how it compares, where it is worse, what drives it, and who approved it."""
