"""Signature audits: claims about gene signatures, each beside the nulls that it has to beat."""
