"""Many hosts: what engines tell goes through NATS, and is looked at from anywhere.

    an engine ── relay ──▶ NATS, its JetStream ──▶ fleet, attach, replay, check, diagnose

A *relay* is an inspector in a process of its own, as a recorder is: it publishes a *summary* a second of each engine,
now and then its states, and what else happens only while somebody holds a *lease* on it, or wants it kept. Nothing of
the transport is ours: NATS carries and keeps, here is only which subject has what (`subjects`), how a summary is made
and read (`summary`), and how a frame of the link travels (`crossing`). At the other end `far` gives whoever attaches a
socket that speaks as the engine would, and `kept` makes a trace of what JetStream has: so screen, check and diagnosis
need nothing new. `side_by_side` watches several engines of this host for their states alone, `relayed` one of them: a
relay does, and so do metrics, and a screen for the other processes of its run.

Whoever publishes on these subjects is as strange to us as any peer: everything is bounded and checked before it is
believed, and what is not understood is counted.
"""
