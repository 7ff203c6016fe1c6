"""What Python runs at its start where this folder is on PYTHONPATH: the program is observed, and nothing else changes.

Any Python may come by, so this is written for all of them. The folder goes from the path at once, and the user's own
sitecustomize, if there is one, runs as if this were not here.
"""

import os
import sys


def _observe(here):
    if os.environ.get("STREAMSCOPE_OBSERVE") != "1":
        return
    if sys.version_info[:2] < (3, 11):
        said = "Python %d.%d is too old: 3.11 is the first" % sys.version_info[:2]
        sys.stderr.write("streamscope: this process is not observed: %s\n" % said)
        return
    name = os.path.join(os.path.dirname(here), "injected.py")
    loader = sys.modules["_frozen_importlib_external"].SourceFileLoader("streamscope_injected", name)
    names = {"__name__": "streamscope_injected", "__file__": name}
    exec(loader.get_code("streamscope_injected"), names)  # which has been compiled before
    names["begin"]()


def _begin():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [each for each in sys.path if not each or os.path.abspath(each) != here]
    try:
        _observe(here)
    except Exception:
        sys.stderr.write("streamscope: this process is not observed: %r\n" % (sys.exc_info()[1],))
    sys.modules.pop("sitecustomize", None)
    import sitecustomize  # the user's; where there is none, that is what Python expects to hear

    sys.modules["sitecustomize"] = sitecustomize


_begin()
