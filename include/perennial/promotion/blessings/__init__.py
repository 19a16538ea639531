"""What a candidate needs for its promotion: one module for each blessing, which judges it from one side."""
