#!/bin/sh
# The words of a printed document, a line for each of its lines: sh words.sh decision.html
sed 's/<[^>]*>/ /g; s/  */ /g; s/^ //; s/ $//' "$1"
