"""The headway server: studies, leases and an exact Gaussian process per study, behind a REST API."""
