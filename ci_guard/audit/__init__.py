"""
The audit log: one record a run, chained and in a Merkle tree, so that a change to it is evident.

It cannot keep anybody from deleting a file. What it does: whoever holds an earlier checkpoint, or the last record's
digest, can tell whether any record before it was changed, removed, inserted or put into another order.
"""
