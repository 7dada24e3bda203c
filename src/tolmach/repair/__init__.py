"""What is wrong with a data set's text, how sure we are, the plan to mend it, the proof it was mended."""
