"""Programs people start. They join parts and decide nothing."""
