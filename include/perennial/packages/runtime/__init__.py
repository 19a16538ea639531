"""What a wheel holds besides its model. It is copied into each wheel, with the modules of Perennial that it imports.

So a wheel predicts by the same code as the bundle that it was made of. What is here may import numpy, pandas,
scikit-learn, skops and those modules of Perennial that do the same.
"""
