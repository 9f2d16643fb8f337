"""The farm: devices over SSH.

inventory (what there is) -> address, virtual (where it is) -> connection (Fabric) -> reach
-> lease, check -> pick (one that is fit and free) -> deploy, job, result.
"""

from edgebnn.farm.tables import check_all, listing

__all__ = ["check_all", "listing"]
