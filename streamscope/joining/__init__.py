"""Joining a process that runs already: which way there is to it, and getting into one that runs Python."""
