"""Commands of the user's under `streamscope run --`: started so that they are observed, followed, and ended."""
