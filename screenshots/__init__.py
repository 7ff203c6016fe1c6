"""The README's pictures: drawn by the app itself from recordings of a real engine, the same every time."""
