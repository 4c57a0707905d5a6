"""How many workers should this training job use, and what stops it from scaling further?"""

__version__ = "0.1.0"
