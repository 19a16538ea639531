"""Control charts: how much a column usually changes, learnt from blocks of the champion's rows and later batches."""
