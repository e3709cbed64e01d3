"""The program, with a moment at which it dies: `python mortal.py WHERE N ARGUMENTS…`.

WHERE is `module:function:call` or `module:function:return`; at the N-th time the process kills itself (SIGKILL),
without a word to anybody. Nothing of the program is replaced: the interpreter tells of every call (sys.setprofile).
"""

import itertools
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parent.parent.parent))


def die_at(where: str, number: int) -> None:
    """Let every thread of the process watch for the moment."""
    module, function, event = where.split(":")
    file = str(Path(*module.split("."))) + ".py"
    times = itertools.count(1)

    def watch(frame: FrameType, happened: str, _: object) -> None:
        code = frame.f_code
        here = happened == event and code.co_qualname == function and code.co_filename.endswith(file)
        if here and next(times) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(watch)
    sys.setprofile(watch)


if __name__ == "__main__":
    die_at(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:3] = []
    from gateway.commands import main

    main()
