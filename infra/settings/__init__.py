"""Typed, bounded settings of a stack: the only reader of `pulumi.Config` (DESIGN.md decision 1)."""
