"""The code in step06-starttls/tls as a shared library, so that each piece of it can be tested on its own.

load() compiles all of tls/*/*.c to build/libtls.so, unless that is newer than its sources, and
declares the functions.
$CC names the compiler; TLS_LIBRARY=path/to/libtls.so names a library that is built already (with
a sanitizer, say).

Structs are opaque here: opaque() is memory enough for any of them.
"""
import ctypes
import os
import shlex
import subprocess
import tempfile
from ctypes import c_bool, c_char_p, c_size_t, c_uint32, c_void_p
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("SMTPD_BUILD", REPOSITORY / "build")).resolve()
SOURCES = REPOSITORY / "step06-starttls" / "tls"

OPAQUE_SIZE = 8192      # more than any struct in tls/ that a primitive wants
OPAQUE_ALIGNMENT = 64
GUARD = b"\xa5" * 32    # stands behind each output, and must stand there afterwards

# Name: (result, arguments). Every pointer is a void pointer here: it takes bytes, and arrays of ctypes.
PROTOTYPES = {
    "wipe": (None, [c_void_p, c_size_t]),
    "bytes_equal_ct": (c_bool, [c_void_p, c_void_p, c_size_t]),
    "random_bytes": (None, [c_void_p, c_size_t]),
    "sha256": (None, [c_void_p, c_size_t, c_void_p]),
    "sha256_init": (None, [c_void_p]),
    "sha256_update": (None, [c_void_p, c_void_p, c_size_t]),
    "sha256_final": (None, [c_void_p, c_void_p]),
    "hmac_init": (None, [c_void_p, c_void_p, c_size_t]),
    "hmac_update": (None, [c_void_p, c_void_p, c_size_t]),
    "hmac_final": (None, [c_void_p, c_void_p]),
    "hkdf_extract": (None, [c_void_p, c_size_t, c_void_p, c_size_t, c_void_p]),
    "hkdf_expand": (None, [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t]),
    "chacha20_xor": (None, [c_void_p, c_void_p, c_uint32, c_void_p, c_void_p, c_size_t]),
    "poly1305_init": (None, [c_void_p, c_void_p]),
    "poly1305_update": (None, [c_void_p, c_void_p, c_size_t]),
    "poly1305_final": (None, [c_void_p, c_void_p]),
    "aes128_init": (None, [c_void_p, c_void_p]),
    "aes128_encrypt": (None, [c_void_p, c_void_p, c_void_p]),
    "aes128_ctr_xor": (None, [c_void_p, c_void_p, c_uint32, c_void_p, c_void_p, c_size_t]),
    "ghash_init": (None, [c_void_p, c_void_p]),
    "ghash_update_padded": (None, [c_void_p, c_void_p, c_size_t]),
    "ghash_final": (None, [c_void_p, c_void_p]),
}


class Aead(ctypes.Structure):
    """struct aead, tls/cipher/aead.h"""
    _fields_ = [
        ("name", c_char_p),
        ("key_size", c_size_t),
        ("init", ctypes.CFUNCTYPE(None, c_void_p, c_void_p)),
        ("seal", ctypes.CFUNCTYPE(None,
                                  c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p)),
        ("open", ctypes.CFUNCTYPE(c_bool,
                                  c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p)),
    ]


def load():
    """The library. Functions that are not in PROTOTYPES want their argtypes set by whoever calls them."""
    library = ctypes.CDLL(str(os.environ.get("TLS_LIBRARY") or build()))
    for name, (result, arguments) in PROTOTYPES.items():
        if hasattr(library, name):      # else its folder is not there yet
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    return library


def aead(library, name):
    return Aead.in_dll(library, name)


def build():
    """Compile, if need be. Several test runs may do so at once: each writes a file of its own and then
    puts it in place, which is one step for all who look."""
    target = BUILD / "libtls.so"
    sources = sorted(SOURCES.glob("*/*.c"))
    newest = max(path.stat().st_mtime for path in SOURCES.glob("*/*.[ch]"))
    if target.exists() and target.stat().st_mtime > newest:
        return target
    BUILD.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(dir=BUILD, prefix="libtls-", suffix=".so")
    os.close(handle)
    try:
        command = [*shlex.split(os.environ.get("CC", "cc")), "-std=c11", "-O2", "-fPIC", "-shared",
                   "-o", fresh]
        subprocess.run([*command, *map(str, sources)], check=True)
        os.replace(fresh, target)
    finally:
        if os.path.exists(fresh):
            os.unlink(fresh)
    return target


def opaque(size=OPAQUE_SIZE):
    """Zeroed memory for a struct, aligned as the strictest of them wants it."""
    memory = bytearray(size + OPAQUE_ALIGNMENT)
    address = ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))
    return (ctypes.c_char * size).from_buffer(memory, -address % OPAQUE_ALIGNMENT)


class Output:
    """Memory for an output of `size` bytes, which may hold an input at first. bytes() of it checks that
    nothing was written behind its end."""

    def __init__(self, size, content=b""):
        self.size = size
        self.memory = ctypes.create_string_buffer(content.ljust(size, b"\xa5") + GUARD, size + len(GUARD))
        self._as_parameter_ = ctypes.addressof(self.memory)

    def __bytes__(self):
        assert self.memory.raw[self.size:] == GUARD, "bytes were written behind the end of the output"
        return self.memory.raw[:self.size]
