"""What an operator may set: one schema, read from files, environment and command line."""

from gateway.config.load import Loaded, load
from gateway.config.problems import InvalidConfigError, Layer, Origin, Problem
from gateway.config.schema import BridgeMode, Config

__all__ = ["BridgeMode", "Config", "InvalidConfigError", "Layer", "Loaded", "Origin", "Problem", "load"]
