"""The runner's limits, each named where it is said that it was met, and what all its files use."""
import re
from pathlib import Path

LABS = Path(__file__).resolve().parent
TESTS = LABS.parent
REPOSITORY = TESTS.parent

PROCESSES = 1500            # that a program has at a time
MEMORY = 2 ** 30            # octets that one of its processes holds
FILE_SIZE = 2 ** 28         # octets of one file
PROBE_OUTPUT = 2 ** 16      # octets of its first line
START_SECONDS = 10          # until it says that it listens
RUN_SECONDS = 600           # for a whole run
COPIED = 2 ** 28            # octets of the folder of a program
GRACE = 0.5                 # seconds in which a process that was told to end may do so

FIRST_UID, LAST_UID = 64000, 64900          # one of these, whom nobody is
COMMON = [Path(name) for name in ("/tmp", "/var/tmp", "/dev/shm")]
PREFIX = "smtpd-lab-"
# What editors, compilers and we ourselves leave is not the program's.
NOT_ITS = re.compile(r"smtpd-|pytest-of-|tmp\w{8}$|cc[A-Za-z0-9]{6}\.|\.|.*~$")


class Fault(Exception):
    """What keeps the program from being tested at all, in a sentence."""


def mb(octets):
    return "%d MB" % (octets >> 20)


def readable(text):
    """Nothing that a terminal obeys, and nothing that XML forbids."""
    return "".join(c if c in "\n\t" or c.isprintable() else "\\x%02x" % ord(c) for c in text)
