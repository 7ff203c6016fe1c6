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
        _say("Python %d.%d is too old: 3.11 is the first" % sys.version_info[:2])
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
        _say("%r" % (sys.exc_info()[1],))
    ours = sys.modules.pop("sitecustomize", None)  # Python 2 empties a module that nobody has any more
    import sitecustomize  # the user's; where there is none, that is what Python expects to hear

    sys.modules["sitecustomize"] = sitecustomize
    del ours


def _say(why):
    try:
        # past what Python keeps to write: where this cannot be told, its end must not fail of it
        os.write(sys.stderr.fileno(), ("streamscope: this process is not observed: %s\n" % why).encode("utf-8"))
    except Exception:
        pass  # a program that closed it runs on without


_begin()
