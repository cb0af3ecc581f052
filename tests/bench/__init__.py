"""`make bench`: how fast the house is, beside what the same machine does in the same minute without it.

A family of figures is one module with `run(bench)`, listed in `__main__`. Every figure names what it is compared with.
"""
