"""Charts: plain rows in, plain dictionaries out. Each is a data function and a figure function, and both are pure.

The data function arranges rows as the page's table shows them; the figure function draws exactly that data, so picture
and table cannot disagree. Sentences come in from the views. Colours are names of tokens (`var(--brand)`), which the
browser resolves when it draws: dark mode and print need nothing here. Traces are scatter and bar only, because every
other kind draws wrong under the strict content security policy.
"""
