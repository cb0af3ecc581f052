"""`make bench`: the speed of Hundred, compared with the same machine's plain work in the same minute.

A family of figures is one module with `run(bench)`, listed in `__main__`. Every figure names its reference.
"""
