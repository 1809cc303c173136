#!/bin/sh
# The counter takes in one more application of a company, and sends it to the four departments: Monday 2 March 2026,
# 9:00 to 9:20. Told step by step in joint-case.md.
set -eu
opened=$(lianban open enterprise-startup --data startup.json --as chen.jing --now 2026-03-02T09:00 --json)
case=$(expr "$opened" : '.*"case": *"\([^"]*\)"')
lianban do "$case" intake --set outcome=complete --set materials='公司章程 1份, 股东身份证明 2份, 住所使用证明 1份, 任职文件 1份' \
    --as chen.jing --now 2026-03-02T09:10 --json > taken-in.json
lianban do "$case" accept --set delivery=in_person --as chen.jing --now 2026-03-02T09:20 --json > accepted.json
