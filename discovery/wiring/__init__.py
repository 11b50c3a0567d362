"""Puts a capability and its adapters together. A module is loaded when its capability is used."""
