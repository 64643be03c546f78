"""Machines that are played by namespaces: own host name, processes, network and mounts."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

UNSHARE = ("unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child")
SFTP_SERVER = Path("/usr/lib/openssh/sftp-server")


def find_reason_to_skip(file_system):
    """Why there can be no such machines here; empty if there can."""
    if shutil.which("unshare") is None:
        return "there is no unshare"
    test = subprocess.run([*UNSHARE, "hostname", "toy"], check=False, capture_output=True)
    if test.returncode:
        return "namespaces are not permitted (they need root)"
    if file_system == "sshfs" and (shutil.which("sshfs") is None or not SFTP_SERVER.exists()):
        return "sshfs: apt-get install sshfs openssh-sftp-server"
    return ""


def start_on_machine(name, command, folder, mount=None, **options):
    """Start a command on a machine.

    Args:
        name: Host name.
        command: The command.
        folder: Where it is executed.
        mount: Folder that this machine sees through an sshfs mount of its own at another path, as
            pair of both; None: through the mount that all share.
        options: Of `subprocess.Popen`.
    """
    lines = [f"hostname {shlex.quote(name)}", "mount -t proc proc /proc"]
    if mount is not None:
        source, target = map(str, mount)
        lines.append(f"sshfs -o 'ssh_command=sh -c {SFTP_SERVER}' far:{source} {target}")
    script = " && ".join([*lines, f"cd {shlex.quote(str(folder))}", f"exec {shlex.join(command)}"])
    return subprocess.Popen([*UNSHARE, "sh", "-c", script], env=os.environ.copy(), **options)
