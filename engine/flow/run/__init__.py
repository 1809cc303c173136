"""One step under way, in rooms: each concept of BPMN has one place.

`take` what is given, to where nothing can move any more · `board` what is on the table: the marking, what
moves, variables, frames and visits · `moves` tokens along flows, gateways, the ends of scopes · `joins` where
tokens wait for each other · `activities` tasks, subprocesses, calls · `loops` multi-instance and standard
loops · `events` what waits for a trigger, and event subprocesses · `timers` · `faults` errors, escalations,
incidents and their repair · `undo` compensation and transactions.

All are functions over a `Board`; `step` says what goes in and what comes out, and calls `take`.
"""
