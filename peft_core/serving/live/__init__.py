"""What a class does together at this moment: a vote, a wall of sentences. In the memory of the server, nowhere else.

codes.py    what is open, found by the four letters that phones scan or type; who opened it, when it was last used
vote.py     a question, its options, one vote for each visitor
wall.py     sentences that fool a checkpoint, seen once the teacher has accepted them
servers.py  whether other servers run over the same folder: what is in memory, they do not have

Nobody has a name here: a visitor is a digest that is good for one vote or wall.
"""
