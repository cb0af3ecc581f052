"""Charts: plain rows in, plain dictionaries out. Each is a data function and a figure function, and both are pure.

The data function arranges rows as the page's table shows them. The figure function draws exactly that data, so chart
and table agree. The views supply the sentences. Colours are token names (`var(--brand)`) that the browser resolves, so
dark mode and print need no code here. Traces are scatter and bar only, because other kinds draw wrong under the strict
content security policy.
"""
