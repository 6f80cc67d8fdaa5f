"""Tests of reading and writing configurations in the forms that people have."""
