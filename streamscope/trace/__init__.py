"""What was told, and what follows from it: decoding the feed, folding it into state, keeping a bounded past of it."""
