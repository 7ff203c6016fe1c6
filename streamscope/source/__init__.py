"""The engine's own text, and where in it an event comes from.

The engine tells of an event with its kind and one function's name. Which line told it, and inside which functions that
line ran, it never tells: that would cost every event. It can be found out where somebody looks, because the engine's
text is there to be read. Its functions are a grammar: each tells of certain kinds, in an order that its statements
allow, and calls others. What was told from when the loop turned to a watcher until an event is a sentence of that
grammar, and how it is made of it, is the stack.

    texts     the files of `core/` as they stand: functions, and what they are in libuv and in the chapter (`mirrors`)
    graph     one function: which statements can follow each other, what each tells of or calls
    grammar   all of them: what can be told first in a call, and whether a call can pass without telling anything
    stacks    events → stacks
    inside    a row of a past → phase, stack and line, and how one steps by function

Joined records are expanded before any of this: it is the plain text that is shown, since that is what happened. Nothing
of the engine is loaded: its files are read as text.
"""
