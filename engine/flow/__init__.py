"""The process (floor 2): `read` turns diagrams into a `net`, `step` moves tokens over it."""
