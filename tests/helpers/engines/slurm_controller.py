"""A Slurm cluster of this machine alone: munged, slurmctld and slurmd in a temporary folder."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "srun")
CONFIG = """
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def find_reason_to_skip():
    """Why there can be no cluster here; empty if there can."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"no {', '.join(missing)}: apt-get install slurmctld slurmd munge slurm-client"
    return "slurmd is started by root only" if os.getuid() else ""


def find_free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_cluster(folder):
    """Start a cluster with its files in a folder; return the file of its configuration."""
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir()
    munge = folder / "munge"
    (munge / "key").write_bytes(os.urandom(64))
    (munge / "key").chmod(0o600)
    config = folder / "slurm.conf"
    host, cpus = socket.gethostname(), os.cpu_count()
    ports = find_free_ports(2)
    config.write_text(CONFIG.format(folder=folder, host=host, cpus=cpus, ports=ports))
    environment = {**os.environ, "SLURM_CONF": str(config)}
    environment["PATH"] += ":/usr/sbin"
    files = [f"--{name}-file={munge}/{name}" for name in ("key", "pid", "log", "seed")]
    run = {"env": environment, "check": True, "capture_output": True}
    subprocess.run(["munged", "--force", f"--socket={munge}/socket", *files], **run)
    subprocess.run(["slurmctld", "-c"], **run)
    subprocess.run(["slurmd"], **run)
    deadline = time.monotonic() + 60
    while (
        "idle"
        not in subprocess.run(
            ["sinfo", "-h"], env=environment, check=False, capture_output=True, text=True
        ).stdout
    ):
        assert time.monotonic() < deadline, (folder / "slurmctld.log").read_text()[-2000:]
        time.sleep(0.5)
    return config


def stop_cluster(folder):
    """Cancel all jobs and end the processes."""
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    subprocess.run(["scancel", "--user=root"], env=environment, check=False, capture_output=True)
    time.sleep(2)
    for name in ("slurmd.pid", "slurmctld.pid", "munge/pid"):
        path = folder / name
        if path.exists():
            pid = int(path.read_text())
            os.kill(pid, 15)
            deadline = time.monotonic() + 20
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
