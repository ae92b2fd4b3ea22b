"""Where raw data comes from: one module per source behind one small interface."""
