"""The cache: node outputs by key, in memory and on disk (`cache.py` is the whole of its face).

Importing it loads neither torch nor numpy.
"""

from studio.execution.cache.cache import Cache, CacheInfo, Tier
from studio.execution.cache.codec import register
from studio.execution.cache.disk import DiskInfo
from studio.execution.cache.history import Remembered
from studio.execution.cache.memory import MemoryInfo
from studio.execution.cache.saved import SavedFile

__all__ = [
    "Cache",
    "CacheInfo",
    "DiskInfo",
    "MemoryInfo",
    "Remembered",
    "SavedFile",
    "Tier",
    "register",
]
