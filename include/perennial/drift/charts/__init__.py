"""Control charts: what is ordinary for a column, learnt from blocks of the champion's rows and from the batches since."""
