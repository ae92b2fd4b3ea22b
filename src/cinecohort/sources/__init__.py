"""Where raw data comes from: one module a source behind one small interface."""
