"""What the machine reaches before the cut: a binary cache and a source mirror on the loopback.

`server.Internet` is the whole of it; `cache` and `mirror` are the sites that it serves, `faults`
what may be wrong with them, `log` the witness of what was asked, `narinfo` the cache's records.
"""
