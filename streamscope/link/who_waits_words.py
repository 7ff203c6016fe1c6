"""What both ends of the link call the question who waits for a stream, and its answer: a command, and a note."""

ABOUT, COMMAND = "who waits", "who_waits"
