"""Commands of the command line, one a file: what they take, and what they do."""
