"""Builds the wheel of the helper: one for all Pythons from 3.10 on."""

import os
from glob import glob

from setuptools import Extension, setup

deflate = os.environ.get("WITH_LIBDEFLATE") == "1"
setup(
    ext_modules=[
        Extension(
            "ci_guard_native",
            sorted(glob("*.c")),
            depends=sorted(glob("*.h")),
            define_macros=[("WITH_LIBDEFLATE", "1")] if deflate else [],
            # Debug information names the folder of the build, so two builds of one commit would differ.
            extra_compile_args=["-O3", "-g0", "-fvisibility=hidden"],
            libraries=["deflate" if deflate else "z"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
