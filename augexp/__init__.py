"""augexp: which augmentation should I use on my images, and is the difference real?"""

__version__ = "0.1.0"
