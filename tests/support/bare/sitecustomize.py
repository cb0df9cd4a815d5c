"""Makes any Python that finds this on its path as bare of POSIX as Windows is, its children included.

What Windows' own Python lacks is taken away, and what it does otherwise is done so here: its selector loop has neither
signal handlers nor processes, it waits for sockets alone, a signal to a process ends it at once, a file that is open is
neither replaced nor removed, and a user's programs keep their files under LOCALAPPDATA.
"""

import asyncio
import asyncio.selector_events
import ctypes
import errno
import fcntl
import functools
import multiprocessing
import multiprocessing.context
import multiprocessing.popen_fork
import os
import pathlib
import select
import selectors
import signal
import socket
import ssl  # noqa: F401 - before its parts are taken away
import stat
import subprocess
import sys
import tempfile  # noqa: F401 - likewise
import time
import types

HIDDEN = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
_LOCKED, _SHARED = 36, 32  # EDEADLOCK of msvcrt, ERROR_SHARING_VIOLATION
_kill, _unlink, _replace, _select = os.kill, os.unlink, os.replace, select.select


class Hides:
    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN:
            raise ModuleNotFoundError(f"{name} is not here", name=name)


def kill(pid, number):
    _kill(pid, number if number == 0 else signal_of_a_power_cut)


def is_socket(descriptor):
    return stat.S_ISSOCK(os.fstat(descriptor if isinstance(descriptor, int) else descriptor.fileno()).st_mode)


def sockets_alone(reads, writes, errors, timeout=None):
    if not all(is_socket(one) for one in (*reads, *writes, *errors)):
        raise OSError(errno.ENOTSOCK, "an operation was attempted on something that is not a socket")
    return _select(reads, writes, errors, timeout)


class SocketSelector(selectors.SelectSelector):
    def _select(self, reads, writes, _, timeout=None):
        return sockets_alone(reads, writes, [], timeout)


class BareLoop(asyncio.selector_events.BaseSelectorEventLoop):
    pass


class BarePolicy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        raise NotImplementedError("Windows makes a loop here that cannot watch a socket: see edge.portable.loop")


def opened(path):
    try:
        wanted = pathlib.Path(path).stat()
        for number in pathlib.Path("/proc/self/fd").iterdir():
            try:
                found = number.stat()
            except OSError:
                continue
            if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                return True
    except OSError:
        pass
    return False


def refusing(act, *places):
    @functools.wraps(act)
    def acted(*paths, **more):
        for place in places:
            if opened(paths[place]):
                raise PermissionError(_SHARED, "the file is used by another process", str(paths[place]))
        return act(*paths, **more)

    return acted


def socketpair(*_):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    return ours, theirs


def locking(descriptor, mode, count):
    """A lock of the file, as no process of Windows has it twice; `flock` is one of the open file, too."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(_LOCKED, "resource deadlock avoided") from None


def no_library(load):
    @functools.wraps(load)
    def loaded(self, name, *more, **named):
        if name is None:
            raise TypeError("bad argument type for built-in operation")
        load(self, name, *more, **named)

    return loaded


def no_links(source, target, target_is_directory=False, *, dir_fd=None):
    raise OSError(1314, "a required privilege is not held by the client")


signal_of_a_power_cut = signal.SIGKILL
msvcrt = types.ModuleType("msvcrt")
msvcrt.LK_NBLCK, msvcrt.locking = 2, locking
sys.modules["msvcrt"] = msvcrt
# pyserial chooses its own form for the platform; of Windows' form nothing can be loaded here.
serial = types.ModuleType("serial.serialposix")
serial.Serial = serial.PosixPollSerial = serial.VTIMESerial = type("Serial", (), {})
sys.modules["serial.serialposix"] = serial
os.kill, os.symlink = kill, no_links
subprocess.Popen.kill = subprocess.Popen.terminate
multiprocessing.popen_fork.Popen.kill = multiprocessing.popen_fork.Popen.terminate
os.unlink = os.remove = refusing(_unlink, 0)
os.replace = os.rename = refusing(_replace, 0, 1)
select.select = sockets_alone
selectors.DefaultSelector = SocketSelector
socket.socketpair = socketpair
ctypes.CDLL.__init__ = no_library(ctypes.CDLL.__init__)
asyncio.SelectorEventLoop = BareLoop
asyncio.DefaultEventLoopPolicy = BarePolicy
asyncio.set_event_loop_policy(BarePolicy())
multiprocessing.get_all_start_methods = lambda: ["spawn"]
for name in HIDDEN:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hides())
for module, names in {
    os: "EX_SOFTWARE O_DIRECTORY O_NOFOLLOW SCHED_BATCH fork geteuid getloadavg getuid killpg mkfifo nice openpty"
    " sched_getaffinity sched_setscheduler setsid sysconf ttyname",
    signal: "SIGHUP SIGKILL SIGUSR1 SIGUSR2",
    time: "CLOCK_BOOTTIME clock_gettime",
    asyncio: "open_unix_connection start_unix_server",
    socket: "AF_UNIX",
    multiprocessing.context: "ForkContext ForkServerContext",
}.items():
    for name in names.split():
        delattr(module, name)
