"""The screen in a browser: a command of ours on a pseudo-terminal of its own for each visitor, shown by textual-serve's
terminal. The extra `web` brings that.

Whoever has the address has the screen, so the address holds a secret, and nothing is listened to but on 127.0.0.1. What
a web page of somebody else's could have the browser send is turned away: `doors` asks each request for the secret, and
for the host and the origin that are ours.
"""
