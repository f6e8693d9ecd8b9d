"""
The least that a scan of a work tree by this engine can be: each file opened, read and searched, by two processes.

    python3 -I benchmarks/bare_search.py PACKAGE

PACKAGE is the folder of ci_guard, whose database is used. Nothing is judged, hashed, compared with the commit or told.
It is what `secrets_speed.py` holds the scanner against: no work on judging can make that quicker than this.
"""

import os
import subprocess
import sys

listing = subprocess.Popen(["git", "ls-files", "-z"], stdout=subprocess.PIPE)

import hyperscan  # noqa: E402 - while git lists

with open(f"{sys.argv[1]}/secrets/database/linux-x86_64.hyperscan", "rb") as file:
    database = hyperscan.loadb(file.read(), hyperscan.HS_MODE_BLOCK)
database.scratch = hyperscan.Scratch(database)
names = listing.communicate()[0].split(b"\0")[:-1]
child = os.fork()
for name in names[::2] if child else names[1::2]:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # a link
        continue
    content = os.read(descriptor, 1 << 26)
    os.close(descriptor)
    database.scan(content, match_event_handler=lambda *_: None)
if not child:
    os._exit(0)
os.waitpid(child, 0)
