"""What fills the terminal: the overview, the wall of panels, one stream, a time line; and what opens over them."""
