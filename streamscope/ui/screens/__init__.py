"""What fills the terminal: the overview, the wall of panels, one stream, help."""
