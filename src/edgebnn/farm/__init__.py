"""The farm: devices over SSH.

inventory (what there is) -> address, virtual (where it is) -> connection (Fabric) -> reach
-> lease, check -> pick (one that is fit and free) -> deploy, job, result.

It imports nothing itself: a virtual device's process starts by it, and needs little of it.
"""
