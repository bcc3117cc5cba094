"""Prints the fenced code blocks of a Markdown file that name no language and begin with a word.

usage: fenced.py FILE WORD...
"""
import re
import sys

with open(sys.argv[1]) as file:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
for language, block in blocks:
    if not language and block.split(maxsplit=1)[:1] and block.split(maxsplit=1)[0] in sys.argv[2:]:
        print(block)
