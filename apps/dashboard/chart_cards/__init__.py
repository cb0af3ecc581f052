"""Chart cards: each is a chart with its finding as title and its table, both from the same data.

The page shows title and table at once; the chart's own address sends the figure later. Sentences are built here,
drawing is left to `charts`.
"""
