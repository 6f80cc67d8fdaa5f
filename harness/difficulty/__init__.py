"""The command line of difficulty measurements."""
