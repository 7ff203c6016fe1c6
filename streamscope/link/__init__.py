"""Between the engine's process and its inspectors: frames, the publisher on one side, the client on the other,
discovery.
"""
