"""Vocabularies out of files: a module for each format, and ``open`` that tells them apart."""
