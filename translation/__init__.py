"""Keeps the catalogues of `streamscope.language`: what there is to be said, and how it is said in Chinese."""
