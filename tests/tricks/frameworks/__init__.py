"""Tests of the tables of other frameworks: explain and export."""
