"""Cross-validated error of a support vector machine on handwritten digits."""
