"""The commands (floor 7), a room for each kind of work: parse, one verb of the office, show. No logic.

- `table`: which commands there are, and in which room; their groups and common options;
- `frame`: settings, language, results, refusals, progress; `streams`: files and standard streams;
- `answers`: what a form asks, from options, a file or a person at a terminal;
- `cases`, `referrals`, `meetings`: clerks; `people`, `items`, `rehearsing`, `clocks`: administrators;
  `auditing`, `proofs`: auditors; `operating`: operators.

Every command makes plain data of what the office answered; `--json` prints that data, otherwise
`engine.screen` says it in words. Refusals go to stderr, in words or as one JSON object, and each kind has
its exit code. The keys of the JSON are on one page: docs/json.md. Every command imports late what it needs.
"""
