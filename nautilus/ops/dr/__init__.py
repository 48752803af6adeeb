"""Moves a platform into its second region and back: what is warm there, ordered steps, and a journal that any operator can resume from.

boto3 only: it reads what the platform published in the second region and never the program that made it.
"""
