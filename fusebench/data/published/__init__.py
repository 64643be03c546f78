"""Folder structures in which published data sets are in circulation, shared by several of them."""
