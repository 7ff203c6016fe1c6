"""The screen: widgets that show what a `View` knows. They know events, snapshots and names, never an object of the
engine.
"""
