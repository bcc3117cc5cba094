# What pyproject.toml cannot say, as it depends on the version and the platform.
import os
import sys

from setuptools import setup

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from native_wheel import NATIVE, VERSION  # noqa: E402

setup(version=VERSION, install_requires=[f"lighthouse-attention-compiler=={VERSION}", "numpy"],
      **NATIVE)
