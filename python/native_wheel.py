"""What the setup.py of both wheels share and pyproject.toml cannot say."""
import os
import re

from setuptools import Distribution
from setuptools.command.bdist_wheel import bdist_wheel

# The one version of the project is CMake's.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "CMakeLists.txt")) as file:
    VERSION = re.search(r"project\(Lighthouse VERSION (\S+)", file.read()).group(1)


class NativeDistribution(Distribution):
    """Has files for one platform, even if setuptools did not build them."""

    def has_ext_modules(self):
        return True


class NativeWheel(bdist_wheel):
    """Loads its libraries with ctypes: one wheel for every Python 3."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


NATIVE = {"distclass": NativeDistribution, "cmdclass": {"bdist_wheel": NativeWheel}}
